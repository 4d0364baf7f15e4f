"""Finds what is wrong with recorded candles, names it by row, and repairs it by a stated rule.

Rules. A row that cannot be a candle (off the grid, prices not positive, high below low, ...) is
refused. Rows newest first are turned round; other disorder is sorted and named. A row that repeats
another is dropped; one that contradicts another refuses the whole file, unless the policy says
which to keep. A gap of at most `max_bridge` candles is bridged by flat, tagged candles that no
model looks at; a longer one stays open. Where a source tells volume in base and in quote and has
the two the wrong way round, they are put right. Nothing else is ever invented.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from market_data.core.candles import RawRows, Series
from shared.domain.enums import Interval
from shared.domain.ids import Symbol

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_SAME_VOLUME = 0.4  # log ratio: the two volumes agree through the close to within half


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


class OnConflict(StrEnum):
    REFUSE = "refuse"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPolicy:
    """`max_bridge`: candles; `on_conflict`: which of two contradicting rows of a file is kept."""

    max_bridge: int = 3
    on_conflict: OnConflict = OnConflict.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`row` counts data rows from 1; for a gap it is the row before it."""

    kind: Kind
    row: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """`series` is None when the file as a whole is refused."""

    rows: int
    findings: tuple[Finding, ...]
    bridged: int
    missing: int
    series: Series | None

    def count(self, kind: Kind) -> int:
        return sum(finding.kind is kind for finding in self.findings)


def inspect(raw: RawRows, symbol: Symbol, interval: Interval, policy: RepairPolicy) -> Inspection:
    """Return every finding and, unless the file is refused, the repaired series."""
    raw, swapped = _with_volume_in_base(raw)
    refused, usable = _refused_rows(raw, interval)
    kept, doubles = _without_doubles(raw, usable, policy)
    gaps, missing = _gaps(raw, kept, interval)
    findings = [*swapped, *refused, *_disorder(raw, usable), *doubles, *gaps]
    findings.sort(key=lambda finding: (finding.row, finding.kind))
    contradicts = any(finding.kind is Kind.CONFLICT for finding in doubles)
    is_refused = contradicts and policy.on_conflict is OnConflict.REFUSE
    series = None if is_refused else _bridged(raw, kept, symbol, interval, policy.max_bridge)
    bridged = 0 if series is None else int(series.is_filled.sum())
    return Inspection(
        rows=len(raw.open_at),
        findings=tuple(findings),
        bridged=bridged,
        missing=missing - bridged,
        series=series,
    )


def _named(kind: Kind, rows: Rows, raw: RawRows, why: str) -> list[Finding]:
    return [
        Finding(kind=kind, row=int(row) + 1, detail=f"{_at(int(raw.open_at[row]))}: {why}")
        for row in rows
    ]


def _at(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _with_volume_in_base(raw: RawRows) -> tuple[RawRows, list[Finding]]:
    """Swap the volumes of rows that agree through the close only the other way round."""
    if raw.quote_volume is None:
        return raw, []
    base, quote, close = raw.ohlcv[:, 4], raw.quote_volume, raw.ohlcv[:, 3]
    with np.errstate(all="ignore"):
        straight = np.abs(np.log(quote / (base * close)))
        reversed_ = np.abs(np.log(base / (quote * close)))
        swapped = (reversed_ < _SAME_VOLUME) & (straight > _SAME_VOLUME)
    ohlcv = raw.ohlcv.copy()
    ohlcv[swapped, 4] = quote[swapped]
    why = "volumes in base and quote were the wrong way round; put right"
    findings = _named(Kind.SWAPPED_VOLUME, np.flatnonzero(swapped), raw, why)
    return replace(raw, ohlcv=ohlcv), findings


def _refused_rows(raw: RawRows, interval: Interval) -> tuple[list[Finding], Mask]:
    """Return the findings and which rows can be candles; each row has its first reason only."""
    usable = np.ones(len(raw.open_at), dtype=np.bool_)
    findings: list[Finding] = []
    for kind, at_fault, why in _reasons(raw, interval):
        findings += _named(kind, np.flatnonzero(at_fault & usable), raw, why)
        usable &= ~at_fault
    return findings, usable


def _reasons(raw: RawRows, interval: Interval) -> Sequence[tuple[Kind, Mask, str]]:
    open_, high, low, close, volume = raw.ohlcv.T
    prices = raw.ohlcv[:, :4]
    lossy = np.zeros(len(open_), dtype=np.bool_)
    lossy[list(raw.lossy)] = True
    with np.errstate(invalid="ignore"):
        priced = np.logical_and.reduce(np.isfinite(prices) & (prices > 0), axis=1)
        counted = np.isfinite(volume) & (volume >= 0)
        outside = (high < np.maximum(open_, close)) | (low > np.minimum(open_, close))
    return (
        (Kind.OFF_GRID, raw.open_at % interval.seconds != 0, f"not on the {interval} grid"),
        (Kind.BAD_PRICE, np.logical_not(priced), "a price is zero, negative or missing"),
        (Kind.BAD_VOLUME, ~counted, "volume is negative or missing"),
        (Kind.INCONSISTENT, outside, "high or low does not contain open and close"),
        (Kind.TOO_PRECISE, lossy, "more digits than can be kept exactly"),
    )


def _disorder(raw: RawRows, usable: Mask) -> list[Finding]:
    rows = np.flatnonzero(usable)
    steps = np.diff(raw.open_at[rows])
    if (steps <= 0).all():
        return []
    return _named(Kind.UNORDERED, rows[1:][steps < 0], raw, "older than the row before it; sorted")


def _without_doubles(
    raw: RawRows, usable: Mask, policy: RepairPolicy
) -> tuple[Rows, list[Finding]]:
    """Return the rows kept, oldest first, and what was said twice."""
    rows = np.flatnonzero(usable)
    ordered = rows[np.argsort(raw.open_at[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(raw.open_at[ordered], prepend=-1) != 0)
    ends = np.append(starts[1:], len(ordered))
    findings = [
        finding
        for start, end in zip(starts, ends, strict=True)
        if end - start > 1
        for finding in _double(raw, ordered[start:end])
    ]
    last = policy.on_conflict is OnConflict.LAST
    kept = ordered[ends - 1 if last else starts] if len(ordered) else ordered
    return kept, findings


def _double(raw: RawRows, group: Rows) -> list[Finding]:
    first = int(group[0])
    same = (raw.ohlcv[group] == raw.ohlcv[first]).all(axis=1)
    repeats = f"says the same as row {first + 1}; dropped"
    contradicts = f"contradicts row {first + 1}"
    return [
        *_named(Kind.DUPLICATE, group[1:][same[1:]], raw, repeats),
        *_named(Kind.CONFLICT, group[1:][~same[1:]], raw, contradicts),
    ]


def _gaps(raw: RawRows, kept: Rows, interval: Interval) -> tuple[list[Finding], int]:
    times = raw.open_at[kept]
    missing = np.diff(times) // interval.seconds - 1
    findings = [
        Finding(
            kind=Kind.GAP,
            row=int(kept[place]) + 1,
            detail=f"{_at(int(times[place]))}: {int(missing[place])} missing after this one",
        )
        for place in np.flatnonzero(missing > 0)
    ]
    return findings, int(missing.sum())


def _bridged(
    raw: RawRows, kept: Rows, symbol: Symbol, interval: Interval, max_bridge: int
) -> Series:
    times, ohlcv = raw.open_at[kept], raw.ohlcv[kept]
    missing = np.diff(times) // interval.seconds - 1
    bridges = np.where(missing <= max_bridge, missing, 0)
    repeats = np.append(bridges, 0)[: len(times)].astype(np.int64) + 1
    source = np.repeat(np.arange(len(times)), repeats)
    offset = np.arange(len(source)) - np.searchsorted(source, source)
    is_filled = offset > 0
    made = ohlcv[source]
    made[is_filled, :4] = made[is_filled, 3:4]
    made[is_filled, 4] = 0.0
    return Series(
        symbol=symbol,
        interval=interval,
        open_at=(times[source] + offset * interval.seconds).astype(np.int64),
        ohlcv=made,
        is_filled=is_filled,
    )
