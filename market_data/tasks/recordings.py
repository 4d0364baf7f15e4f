"""Reads the files a replay is made of: one for each instrument, whose path names it."""

from collections.abc import Sequence
from pathlib import Path

from market_data.core.candles import Series
from market_data.core.findings import Kind
from market_data.core.integrity import RepairPolicy
from market_data.feeds.naming import interval_in, symbol_in
from market_data.repository import Shelf
from market_data.tasks.importing import Import, inspect_file
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger

log = get_logger()


def read_recordings(
    files: Sequence[Path], symbols: Sequence[Symbol], shelf: Shelf, policy: RepairPolicy
) -> list[Series]:
    """Return the series of the one file whose path names each instrument.

    Raises:
        BadInput: an instrument has no file or several, or its file cannot be used.
    """
    paths = {symbol: _the_file_of(symbol, files) for symbol in symbols}
    return [_recorded(path, symbol, shelf, policy) for symbol, path in paths.items()]


def _the_file_of(symbol: Symbol, files: Sequence[Path]) -> Path:
    found = [path for path in files if symbol_in(path) == symbol]
    if len(found) != 1:
        raise BadInput(
            "MARKET_DATA__FILES",
            f"{len(found) or 'no'} files of {symbol}: {', '.join(map(str, found or files))}",
            f"give one whose path names it, as {symbol}_1h.csv or {symbol}/1h.parquet",
        )
    return found[0]


def _recorded(path: Path, symbol: Symbol, shelf: Shelf, policy: RepairPolicy) -> Series:
    found = inspect_file(
        Import(
            path=path,
            symbol=symbol,
            shelf=shelf,
            policy=policy,
            file_interval=interval_in(path) or shelf.interval,
        )
    )
    if found.series is None:
        raise BadInput(
            "MARKET_DATA__FILES", f"'{path}': {found.refusal}", "see 'trading data check'"
        )
    say = log.warning if found.findings else log.info
    say(
        "file.read",
        file=str(path),
        symbol=symbol,
        rows=found.rows,
        candles=len(found.series),
        bridged=found.bridged,
        missing=found.missing,
        findings={kind.value: found.count(kind) for kind in Kind if found.count(kind)},
    )
    return found.series
