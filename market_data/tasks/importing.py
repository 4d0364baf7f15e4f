"""Reads files of candles, and stores what is sound in them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from market_data import repository
from market_data.core.aggregate import aggregate
from market_data.core.candles import Series
from market_data.core.integrity import Inspection, RepairPolicy, inspect, of_another_interval
from market_data.feeds.files import read_file
from market_data.repository import Shelf, Written
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

_IMPORT_CHUNK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What to read, and as what to keep it."""

    path: Path
    symbol: Symbol
    shelf: Shelf
    policy: RepairPolicy
    file_interval: Interval


def inspect_file(wanted: Import) -> Inspection:
    """Return what is wrong with a file, and its candles in the interval they are to be kept in.

    Raises:
        BadInput: the file cannot be read, or its rows are of another interval.
    """
    raw = read_file(wanted.path)
    mistaken = of_another_interval(raw, wanted.file_interval)
    if mistaken:
        raise BadInput(
            "interval",
            f"'{wanted.path.name}' holds no {wanted.file_interval} candles: {mistaken}",
            "name the interval of the file",
        )
    found = inspect(raw, wanted.symbol, wanted.file_interval, wanted.policy)
    if found.series is None or wanted.shelf.interval is wanted.file_interval:
        return found
    longer = aggregate(found.series, wanted.shelf.interval)
    return Inspection(
        rows=found.rows,
        findings=found.findings,
        bridged=int(longer.is_filled.sum()),
        missing=found.missing,
        series=longer if len(longer) else None,
        refusal="" if len(longer) else f"it has no whole {wanted.shelf.interval}",
    )


def store_series(
    transactions: Transactions,
    shelf: Shelf,
    source: str,
    series: Series,
    progress: Callable[[int, int], None],
) -> Written:
    """Store a series in chunks, each in its own transaction; running again finishes the rest."""
    inserted = restated = 0
    for start in range(0, len(series), _IMPORT_CHUNK):
        stop = min(start + _IMPORT_CHUNK, len(series))
        candles = [series.candle(row) for row in range(start, stop)]
        written = transactions.attempt(
            lambda uow, candles=candles: repository.save(uow.connection, shelf, source, candles)
        )
        inserted += written.inserted
        restated += written.restated
        progress(stop, len(series))
    return Written(inserted=inserted, restated=restated)
