"""This folder fits laws: from a table of runs to a posterior with its checks."""
