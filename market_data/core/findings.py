"""What was found wrong with recorded candles, and in which row."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from market_data.core.candles import RawRows

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Kind(StrEnum):
    OFF_GRID = "off_grid"
    BAD_PRICE = "bad_price"
    BAD_VOLUME = "bad_volume"
    INCONSISTENT = "inconsistent"
    TOO_PRECISE = "too_precise"
    SWAPPED_VOLUME = "swapped_volume"
    UNORDERED = "unordered"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`row` counts data rows from 1; for a gap it is the row before it."""

    kind: Kind
    row: int
    detail: str


def named(kind: Kind, rows: Rows, raw: RawRows, why: str) -> list[Finding]:
    return [
        Finding(kind=kind, row=int(row) + 1, detail=f"{at(int(raw.open_at[row]))}: {why}")
        for row in rows
    ]


def at(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
