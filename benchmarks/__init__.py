"""Holds the benchmarks, one folder for each subject; README.md says what each measures and how to run it."""
