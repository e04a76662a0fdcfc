"""This folder reads files and other sources into tables of cells."""
