"""This folder fits many data sets, or many laws, in one call."""
