"""This folder writes files whole or not at all, and reads HDF5 and NetCDF files with a checksum."""
