"""Files that are there whole or not at all: paths, checksums, HDF5 and NetCDF."""
