"""`trading tax export`: what sales took out of which lots, for a tax office."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from launcher.console import out, print_json, print_table
from launcher.options import AsJson, refuse_unwritable
from portfolio.core.disposals import Disposal, Inventory, LotMethod, dispose
from portfolio.core.statement import Tally, disposal_lines
from portfolio.repository.moves import moves
from portfolio.settings import PortfolioSettings
from shared.db.engine import READ_ONLY, connect
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import to_text
from shared.runtime.settings import PlatformSettings, load

Method = Annotated[
    LotMethod | None,
    typer.Option("--method", help="Which lot a sale takes first; PORTFOLIO__LOT_METHOD if not."),
]
Year = Annotated[
    int | None, typer.Option("--year", min=2009, max=9998, help="Only sales of this year, UTC.")
]
OneSymbol = Annotated[
    str | None, typer.Option("--symbol", help="Only this instrument, traded now or earlier.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Where the CSV goes; standard output if not given.")
]


@contextmanager
def reading(settings: PlatformSettings) -> Generator[Connection]:
    """Give a connection that only reads: nobody waits for a long report."""
    engine = connect(settings.database())
    try:
        reader = engine.execution_options(**{READ_ONLY: True})
        with reader.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def export(
    method: Method = None,
    year: Year = None,
    symbol: OneSymbol = None,
    out_file: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write one CSV line for each lot that a sale took from, and print what they come to."""
    if as_json and out_file is None:
        raise BadInput("--json", "the CSV goes to the same place", "name a file with --out")
    refuse_unwritable("--out", out_file)
    settings = load(PlatformSettings)
    chosen = method or load(PortfolioSettings).lot_method
    tally = Tally()
    with reading(settings) as connection:
        wanted = None if symbol is None else Symbol(symbol)
        found = dispose(moves(connection, settings.account, wanted), Inventory(chosen))
        sold = tally.watch(one for one in found if year is None or _is_of(one, year))
        _write(disposal_lines(sold, chosen), out_file)
    if out_file is not None:
        _show(tally, chosen, out_file, as_json=as_json)


def _is_of(one: Disposal, year: int) -> bool:
    return datetime(year, 1, 1, tzinfo=UTC) <= one.sold_at < datetime(year + 1, 1, 1, tzinfo=UTC)


def _write(lines: Iterable[str], file: Path | None) -> None:
    """Write the lines; a file is there whole or not at all."""
    if file is None:
        sys.stdout.writelines(lines)
        return
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as text:
            text.writelines(lines)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _show(tally: Tally, method: LotMethod, file: Path, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "symbol": one.symbol,
            "term": "long" if one.is_long_term else "short",
            "parts": one.parts,
            "cost": to_text(one.cost),
            "proceeds": to_text(one.proceeds),
            "gain": to_text(one.gain),
        }
        for one in tally.totals
    ]
    if as_json:
        print_json({"method": method, "file": str(file), "lines": tally.passed, "totals": rows})
        return
    columns = ("symbol", "term", "parts", "cost", "proceeds", "gain")
    print_table(f"Sales, {method}, in the quote of each", rows, columns, empty="nothing was sold")
    out.print(f"{tally.passed} lines in {file}", markup=False, soft_wrap=True)
