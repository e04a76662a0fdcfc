"""This folder makes reports: one HTML file of a fit that needs no other file and no network."""
