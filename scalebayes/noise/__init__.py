"""This folder has the noises: the distributions of a run's observable around the law."""
