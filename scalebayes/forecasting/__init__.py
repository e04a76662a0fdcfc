"""This folder answers questions to a posterior: predictions, optima, intervals and exported programs."""
