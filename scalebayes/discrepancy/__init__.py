"""This folder has the discrepancy, by which the curve may depart from the law: a Gaussian process and its kernels."""
