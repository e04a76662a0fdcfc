"""The lines that `scalebayes` alone prints: what to type first."""

FIRST_STEPS = """\
scalebayes forecasts and plans with neural scaling laws. Begin with one of:

  scalebayes demo                                  real runs, and what they became
  scalebayes forecast runs.csv --N 70B --D 1.4T    yours: columns N, D and loss
  scalebayes plan runs.csv --C 1e22                what to train with a budget

scalebayes --help lists all commands; scalebayes forecast --help explains one.
"""
