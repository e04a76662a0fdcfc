"""`calibrate` tests on simulated runs whether intervals hold as often as they claim."""
