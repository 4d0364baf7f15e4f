"""The opinions about each candle, and the one the platform acts on.

Owns `signals`, `signal_sources`, `rule_states` and `signal_parts`.
Hears `candles.closed` and `signal.generated`; says `signal.aggregated`.
"""
