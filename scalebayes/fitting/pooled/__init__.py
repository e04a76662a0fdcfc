"""This folder has the fit of several recipes together, in which exponents and floors are partially pooled."""
