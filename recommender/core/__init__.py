"""What to propose, given the signals of a candle and the account as it stands."""
