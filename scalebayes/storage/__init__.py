"""Reads results back from files with `load`, and checks that they are what they should be."""
