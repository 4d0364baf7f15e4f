"""How wide a trade's bracket is: the same for the label, the signal and the backtest."""

from models.features.layout import EWMA_VOL_94, Floats

MIN_BARRIER_COSTS = 10.0
"""A barrier narrower than this many round trips cannot pay for them: no label, no trade."""


def barrier_ratio(vector: Floats, horizon_candles: int) -> float:
    """Return the volatility expected over the horizon, as a ratio of the price."""
    return float(barrier_ratios(vector, horizon_candles))  # pyright: ignore[reportArgumentType]


def barrier_ratios(vectors: Floats, horizon_candles: int) -> Floats:
    """Return the same for each row of vectors."""
    return vectors[..., EWMA_VOL_94] * horizon_candles**0.5
