"""This folder says what a parameter is: its prior, its dimension, and how it changes with the units."""
