"""Reads and writes candles; writing the same candle again changes nothing."""

from market_data.repository.candles import Written, latest, load_series, page, save
from market_data.repository.extent import Gap, coverage, gaps, newest
from market_data.repository.feed import others, progress, save_instruments, save_progress
from market_data.repository.shelf import Shelf

__all__ = [
    "Gap",
    "Shelf",
    "Written",
    "coverage",
    "gaps",
    "latest",
    "load_series",
    "newest",
    "others",
    "page",
    "progress",
    "save",
    "save_instruments",
    "save_progress",
]
