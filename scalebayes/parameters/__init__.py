"""What a law's parameter is: its prior, its dimension, and how it changes with the units."""
