"""What runs logged on their way: learning curves."""
