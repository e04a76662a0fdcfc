"""This folder reads learning curves, which are the values that runs logged during training."""
