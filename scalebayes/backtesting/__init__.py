"""`backtest`: forecasts of runs that were held out, and their scores."""
