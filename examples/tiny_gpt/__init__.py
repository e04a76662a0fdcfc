"""Byte-level transformers small enough for a laptop: the code behind `train_sweep.py`."""
