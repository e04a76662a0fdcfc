"""Benchmarks: a folder a subject. README.md says what each measures and how to run it."""
