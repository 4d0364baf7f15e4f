"""What market_data does by itself: publish its feed, import files, watch how old candles are."""

from market_data.tasks.filling import Filled, Filler
from market_data.tasks.freshness import Freshness
from market_data.tasks.importing import Import, inspect_file, store_series
from market_data.tasks.publishing import Pace, Publisher, announce
from market_data.tasks.recordings import read_recordings

__all__ = [
    "Filled",
    "Filler",
    "Freshness",
    "Import",
    "Pace",
    "Publisher",
    "announce",
    "inspect_file",
    "read_recordings",
    "store_series",
]
