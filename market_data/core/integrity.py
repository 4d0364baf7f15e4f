"""Finds what is wrong with recorded candles, names it by row, and repairs it by a stated rule.

Rules. A row that cannot be a candle (off the grid, prices not positive or with more decimals than
are kept, high below low, ...) is refused. Rows newest first are turned round; other disorder is
sorted and named. A row that repeats another is dropped; one that contradicts another refuses the
whole file, unless the policy says which to keep. A gap of at most `max_bridge` candles is bridged
by flat, tagged candles that no model looks at; a longer one stays open. Where a source tells volume
in base and in quote and has the two the wrong way round, they are put right. Nothing else is ever
invented. A file without one usable row, or whose rows are of another interval, is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from market_data.core.candles import RawRows, Series
from market_data.core.faults import refused_rows, with_volume_in_base
from market_data.core.findings import Finding, Kind, Mask, Rows, at, named
from shared.domain.enums import Interval
from shared.domain.ids import Symbol


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
class Inspection:
    """`series` is None when the file as a whole is refused; `refusal` says why."""

    rows: int
    findings: tuple[Finding, ...]
    bridged: int
    missing: int
    series: Series | None
    refusal: str = ""

    def count(self, kind: Kind) -> int:
        return sum(finding.kind is kind for finding in self.findings)


def inspect(raw: RawRows, symbol: Symbol, interval: Interval, policy: RepairPolicy) -> Inspection:
    """Return every finding and, unless the file is refused, the repaired series."""
    raw, swapped = with_volume_in_base(raw)
    refused, usable = refused_rows(raw, interval)
    kept, doubles = _without_doubles(raw, usable, policy)
    gaps, missing = _gaps(raw, kept, interval)
    findings = [*swapped, *refused, *_disorder(raw, usable), *doubles, *gaps]
    findings.sort(key=lambda finding: (finding.row, finding.kind))
    refusal = _refusal(kept, doubles, policy)
    series = None if refusal else _bridged(raw, kept, symbol, interval, policy.max_bridge)
    bridged = 0 if series is None else int(series.is_filled.sum())
    return Inspection(
        rows=len(raw.open_at),
        findings=tuple(findings),
        bridged=bridged,
        missing=missing - bridged,
        series=series,
        refusal=refusal,
    )


def _refusal(kept: Rows, doubles: Sequence[Finding], policy: RepairPolicy) -> str:
    if not len(kept):
        return "no row can be used"
    contradicts = any(finding.kind is Kind.CONFLICT for finding in doubles)
    if contradicts and policy.on_conflict is OnConflict.REFUSE:
        return "rows contradict each other"
    return ""


def of_another_interval(raw: RawRows, interval: Interval) -> str | None:
    """Return how far apart the rows are where that is not `interval`, else None.

    Most steps must be whole intervals and one of them a single interval: gaps may lengthen steps.
    """
    steps = np.diff(np.unique(raw.open_at))
    if not len(steps):
        return None
    are_whole = steps % interval.seconds == 0
    if are_whole.mean() >= 0.5 and steps.min() <= interval.seconds:
        return None
    return f"its rows are mostly {int(np.median(steps))} s apart, not {interval.seconds} s"


def _disorder(raw: RawRows, usable: Mask) -> list[Finding]:
    rows = np.flatnonzero(usable)
    steps = np.diff(raw.open_at[rows])
    if (steps <= 0).all():
        return []
    return named(Kind.UNORDERED, rows[1:][steps < 0], raw, "older than the row before it; sorted")


def _without_doubles(
    raw: RawRows, usable: Mask, policy: RepairPolicy
) -> tuple[Rows, list[Finding]]:
    """Return the rows kept, oldest first, and what was said twice."""
    rows = np.flatnonzero(usable)
    if not len(rows):
        return rows, []
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
    return ordered[ends - 1 if last else starts], findings


def _double(raw: RawRows, group: Rows) -> list[Finding]:
    first = int(group[0])
    same = (raw.ohlcv[group] == raw.ohlcv[first]).all(axis=1)
    repeats = f"says the same as row {first + 1}; dropped"
    contradicts = f"contradicts row {first + 1}"
    return [
        *named(Kind.DUPLICATE, group[1:][same[1:]], raw, repeats),
        *named(Kind.CONFLICT, group[1:][~same[1:]], raw, contradicts),
    ]


def _gaps(raw: RawRows, kept: Rows, interval: Interval) -> tuple[list[Finding], int]:
    times = raw.open_at[kept]
    missing = np.diff(times) // interval.seconds - 1
    findings = [
        Finding(
            kind=Kind.GAP,
            row=int(kept[place]) + 1,
            detail=f"{at(int(times[place]))}: {int(missing[place])} missing after this one",
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
