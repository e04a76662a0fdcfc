"""`compare` and `stack`: which law the runs support, and a forecaster of several."""
