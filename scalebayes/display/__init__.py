"""This folder turns results into text and HTML: numbers, tables, and whole results."""
