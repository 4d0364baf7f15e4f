"""From candles to features, from features to a signal: pure, the same live and in a backtest."""
