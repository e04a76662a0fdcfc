"""How the curve may depart from the law: a Gaussian process, its kernels and its algebra."""
