"""Commands for candles: make synthetic ones, import recorded ones, check a file."""

import csv
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import market_data.app
from launcher.console import REFUSED, out, print_json, print_table
from launcher.database import migrate
from launcher.options import AsJson
from launcher.progress import counting
from market_data.core.findings import Kind
from market_data.core.integrity import Inspection, OnConflict, RepairPolicy
from market_data.feeds.naming import interval_in, symbol_in
from market_data.repository import Shelf
from market_data.settings import MarketDataSettings
from market_data.tasks import Import, inspect_file, store_series
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load

_SHOWN = 20

File = Annotated[Path, typer.Argument(help="A Parquet or CSV file of candles.")]
SymbolOption = Annotated[
    str, typer.Option("--symbol", help="BASE-QUOTE; from the path if left out.")
]
IntervalOption = Annotated[str, typer.Option("--interval", help="From the path if left out.")]
VenueOption = Annotated[str, typer.Option("--venue", help="From the path if left out.")]
Conflicts = Annotated[
    OnConflict, typer.Option("--on-conflict", help="Which of two contradicting rows to keep.")
]


def generate(
    folder: Annotated[Path, typer.Argument(help="Where to write one CSV per instrument.")],
    candles: Annotated[int, typer.Option("--candles", min=1, max=1_000_000)] = 8760,
) -> None:
    """Write synthetic candles as CSV files; the same seed writes the same files."""
    market = load(PlatformSettings).market
    synthetic = market_data.app.synthetic_market(load(MarketDataSettings), market)
    folder.mkdir(parents=True, exist_ok=True)
    with counting("writing") as report:
        history = synthetic.history(candles)
        for done, (symbol, series) in enumerate(history.items(), 1):
            path = folder / f"{symbol}_{market.interval}.csv"
            with path.open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(("timestamp", "open", "high", "low", "close", "volume"))
                for opened, values in zip(series.open_at, series.ohlcv, strict=True):
                    rows.writerow((int(opened), *(repr(float(value)) for value in values)))
            report(done, len(history))
    out.print(f"{len(history)} files with {candles} synthetic candles each are in {folder}.")


def import_candles(
    file: File,
    symbol: SymbolOption = "",
    interval: IntervalOption = "",
    venue: VenueOption = "",
    on_conflict: Conflicts = OnConflict.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Import a file's candles into the store; importing again changes nothing."""
    wanted = _wanted(file, symbol, interval, venue, RepairPolicy(on_conflict=on_conflict))
    found = inspect_file(wanted)
    if found.series is None:
        _show(wanted, found, as_json)
        out.print(f"Not imported: {found.refusal}.{_remedy(found)}")
        sys.exit(REFUSED)
    settings = load(PlatformSettings)
    migrate(settings.database())
    transactions = build_runtime(settings).transactions("import")
    with counting(f"importing {wanted.symbol}") as report:
        written = store_series(transactions, wanted.shelf, "file", found.series, report)
    summary = {
        **_summary(wanted, found),
        "inserted": written.inserted,
        "already_there": len(found.series) - written.inserted,
        "restated_and_left_as_they_were": written.restated,
    }
    if as_json:
        print_json(summary)
        return
    print_table("Imported", [summary], tuple(summary), empty="nothing")


def _remedy(found: Inspection) -> str:
    contradicts = found.count(Kind.CONFLICT)
    return " Choose with --on-conflict first|last." if contradicts else ""


def check(
    file: File,
    symbol: SymbolOption = "",
    interval: IntervalOption = "",
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a file, row by row, and what an import would do about it."""
    wanted = _wanted(file, symbol, interval, "file", RepairPolicy())
    found = inspect_file(wanted)
    _show(wanted, found, as_json)
    if found.series is None:
        sys.exit(REFUSED)


def _wanted(file: Path, symbol: str, interval: str, venue: str, policy: RepairPolicy) -> Import:
    symbol = symbol or _told(symbol_in(file), file, "--symbol BTC-USDT")
    split_symbol(symbol)
    interval = interval or _told(interval_in(file), file, "--interval 1h")
    if interval not in tuple(Interval):
        allowed = ", ".join(Interval)
        raise BadInput("--interval", f"'{interval}' is unknown", f"choose from {allowed}")
    return Import(
        path=file,
        symbol=Symbol(symbol),
        shelf=Shelf(venue=venue or _venue(file, symbol), interval=Interval(interval)),
        policy=policy,
        file_interval=Interval(interval),
    )


def _told(found: str | None, file: Path, example: str) -> str:
    if found is None:
        raise BadInput(
            example.split(maxsplit=1)[0], f"cannot be told from '{file}'", f"give {example}"
        )
    return found


def _venue(file: Path, symbol: str) -> str:
    parts = file.parts
    if symbol in parts and parts.index(symbol) > 0:
        return parts[parts.index(symbol) - 1].lower()
    raise BadInput("--venue", f"cannot be told from '{file}'", "give --venue binance")


def _summary(wanted: Import, found: Inspection) -> dict[str, Any]:
    series = found.series
    return {
        "symbol": wanted.symbol,
        "venue": wanted.shelf.venue,
        "interval": wanted.shelf.interval,
        "rows": found.rows,
        "candles": 0 if series is None else len(series),
        "bridged": found.bridged,
        "missing": found.missing,
        "findings": len(found.findings),
    }


def _show(wanted: Import, found: Inspection, as_json: bool) -> None:
    findings = [{"row": one.row, "kind": one.kind, "detail": one.detail} for one in found.findings]
    if as_json:
        print_json({**_summary(wanted, found), "findings": findings})
        return
    summary = _summary(wanted, found)
    print_table(f"{wanted.path.name}", [summary], tuple(summary), empty="-")
    print_table("Findings", findings[:_SHOWN], ("row", "kind", "detail"), empty="Nothing is wrong.")
    if len(findings) > _SHOWN:
        out.print(f"... and {len(findings) - _SHOWN} more; --json lists all of them.")
