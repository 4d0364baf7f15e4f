"""What the models believe about each closed candle.

Owns `ml_signals`, `ml_outcomes` and `model_health`. Hears `candles.closed`; says `signal.generated` (source `ml`).
"""
