"""`compare` scores fits of the same runs, `stack` mixes fits, and `savage_dickey` tests a restriction of a law."""
