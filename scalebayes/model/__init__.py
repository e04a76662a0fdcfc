"""From runs, law, noise and priors to one NumPyro model and its arrays."""
