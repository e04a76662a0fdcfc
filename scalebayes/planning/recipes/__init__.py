"""This folder compares two ways to train, fitted to runs of each, along a range of budgets."""
