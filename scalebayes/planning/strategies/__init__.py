"""This folder compares ways to split a budget between N and D that people name."""
