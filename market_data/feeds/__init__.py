"""Sources of closed candles behind one port."""
