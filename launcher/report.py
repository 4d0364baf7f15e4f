"""`trading report`: how the account did, as one HTML file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from launcher.candles import end_of, moment
from launcher.console import out
from launcher.options import refuse_unwritable
from launcher.story import tell
from launcher.tax import reading
from portfolio.core.trades import RoundTrip
from portfolio.repository.report import account_report
from portfolio.repository.reports import Period
from portfolio.routes.report_page import report_page
from portfolio.settings import PortfolioSettings
from shared.domain.errors import BadInput, TradingError
from shared.runtime.settings import PlatformSettings, load

From = Annotated[str, typer.Option("--from", help="Not before this date or time, UTC.")]
To = Annotated[str, typer.Option("--to", help="Not after this date or time, UTC.")]
Out = Annotated[Path, typer.Option("--out", help="Where the page goes.")]
Traces = Annotated[
    bool, typer.Option("--traces/--no-traces", help="Tell how the best and worst came about.")
]


def report(
    start: From = "", end: To = "", out_file: Out = Path("report.html"), traces: Traces = True
) -> None:
    """Write how the account did: equity, months, instruments, sources, costs, trades."""
    refuse_unwritable("--out", out_file)
    settings = load(PlatformSettings)
    period = Period(start=moment("--from", start), end=end_of("--to", end))
    if period.start is not None and period.end is not None and period.end < period.start:
        raise BadInput("--to", f"{end} is before {start}", "swap them")
    with reading(settings) as connection:
        found = account_report(connection, load(PortfolioSettings).policy(settings), period)
    trips = (*found.trades.best, *found.trades.worst) if traces else ()
    page = report_page(found, _stories(settings, trips))
    out_file.write_text(page, encoding="utf-8")
    out.print(f"{out_file}: {len(page.encode()):,} bytes", markup=False, soft_wrap=True)


def _stories(settings: PlatformSettings, trips: Iterable[RoundTrip]) -> dict[str, list[str]]:
    """Return what is known of each trip; facts that were pruned leave the ids in the page."""
    found: dict[str, list[str]] = {}
    for trip in trips:
        if trip.decision_id is None:
            continue
        try:
            steps = tell(settings, trip.decision_id)
        except TradingError:
            continue
        found[trip.trip_id] = [
            f"{step['at'][:19]}  {step['what']}: {line}" for step in steps for line in step["lines"]
        ]
    return found
