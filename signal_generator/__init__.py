"""What the models believe about each closed candle, and whether they still deserve belief.

Owns `ml_signals`, `ml_shadow_signals`, `ml_outcomes` and `model_health`. Hears `candles.closed`;
says `signal.generated` (source `ml`) and `model.promoted`.
"""
