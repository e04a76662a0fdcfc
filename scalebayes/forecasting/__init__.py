"""Questions to a posterior: predictions, optima, intervals, programs for export."""
