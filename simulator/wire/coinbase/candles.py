"""Candles of more than one interval of the engine."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from shared.domain.candle import Candle


def joined(candles: Sequence[Candle], seconds: int) -> list[Candle]:
    """Return one candle for each period of `seconds` since the epoch, oldest first."""
    return [
        _one(list(group))
        for _, group in groupby(candles, lambda one: int(one.open_at.timestamp()) // seconds)
    ]


def _one(parts: Sequence[Candle]) -> Candle:
    first, last = parts[0], parts[-1]
    return replace(
        first,
        closed_at=last.closed_at,
        high=max(one.high for one in parts),
        low=min(one.low for one in parts),
        close=last.close,
        volume=sum((one.volume for one in parts), first.volume * 0),
    )
