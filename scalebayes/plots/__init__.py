"""This folder draws: each `plot_...` is one figure, and `plot_..._data` beside it has the numbers that it draws."""
