"""What a candle must be, and how series are repaired and combined; no clock, no files."""
