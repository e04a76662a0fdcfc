"""`backtest` forecasts the larger runs from the smaller ones, and `score` says how good forecasts were."""
