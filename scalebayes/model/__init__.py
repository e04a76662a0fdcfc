"""This folder makes one NumPyro model and its arrays from runs, a law, a noise and priors."""
