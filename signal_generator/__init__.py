"""What the models believe about each closed candle.

Owns `ml_signals`. Hears `candles.closed`; says `signal.generated` (source `ml`).
"""
