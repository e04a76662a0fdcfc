"""The example of a plan runs as printed, and what it prints is what the library answers."""

import re

import scalebayes as sb
from examples.plan_a_run import main


def test_the_example_plans(capsys):
    """Fails if the example stops, or prints another choice or another price than the library gives."""
    main(["--C", "1e15"])
    out = capsys.readouterr().out
    fit = sb.fit(
        sb.datasets.load("tiny_gpt", where="split == 'fit' and epochs <= 1"), method="laplace", on_fail="ignore"
    )
    best = sb.optimum(fit, C=1e15)
    chosen = re.search(r"^best: N = (\S+) on D = (\S+); loss", out, re.M)
    assert chosen and float(chosen[1]) == float(f"{best['N_best'].item():.3g}")
    assert float(chosen[2]) == float(f"{best['D_best'].item():.3g}")
    paid = re.search(r"the cap costs (\S+) \[(\S+), (\S+)\]", out)
    assert paid and 0 < float(paid[2]) < float(paid[1]) < float(paid[3])
    enough = re.search(r"(\S+) FLOPs are enough in nine cases of ten", out)
    costs = re.search(r"^loss \S+ costs (\S+) \[", out, re.M)
    assert enough and costs and float(enough[1]) > float(costs[1])
