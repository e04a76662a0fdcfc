"""`calibrate`: whether intervals hold as often as they say, on simulated runs."""
