"""`trading profit`: what was earned and what it cost, in all or by day, week or month."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

from launcher.candles import moment
from launcher.client import Platform
from launcher.console import print_json, print_table
from launcher.options import AsJson
from portfolio.core.periods import PeriodLength
from shared.runtime.settings import PlatformSettings, load

_WIDEST = 20
_BLOCK = "\N{FULL BLOCK}"
_NAMES = {
    PeriodLength.DAY: "%Y-%m-%d",
    PeriodLength.WEEK: "%G-W%V",
    PeriodLength.MONTH: "%Y-%m",
}
By = Annotated[PeriodLength | None, typer.Option("--by", help="A row for each of these, UTC.")]
From = Annotated[str, typer.Option("--from", help="Not before this date; else the last 30 rows.")]


def profit(by: By = None, start: From = "", as_json: AsJson = False) -> None:
    """Show what was earned and what it cost."""
    platform = Platform(load(PlatformSettings))
    if by is None and not start:
        document = platform.get("portfolio", "/profit")
        rows = [{"what": name.replace("_", " "), "value": one} for name, one in document.items()]
        shown = ("what", "value")
    else:
        by = by or PeriodLength.DAY
        first = moment("--from", start)
        query = {} if first is None else {"from": first.isoformat()}
        document = platform.get("portfolio", "/profit/periods", by=by, **query)
        rows = _rows(document, by)
        shown = ("period", "gain", "return", "realized_pnl", "fees", "trades", "equity", "bar")
    if as_json:
        print_json(document)
    else:
        print_table("Profit", rows, shown, empty="nothing has been marked yet")


def _rows(periods: list[dict[str, Any]], by: PeriodLength) -> list[dict[str, Any]]:
    largest = max((abs(Decimal(one["gain"])) for one in periods), default=Decimal(0))
    return [
        {
            "period": datetime.fromisoformat(one["start"]).strftime(_NAMES[by]),
            "gain": _amount(one["gain"]),
            "return": _share(one["return_ratio"]),
            "realized_pnl": _amount(one["realized_pnl"]),
            "fees": _amount(one["fees"]),
            "trades": one["trades"],
            "equity": _amount(one["equity_end"]),
            "bar": _bar(Decimal(one["gain"]), largest),
        }
        for one in periods
    ]


def _amount(text: str) -> str:
    return f"{Decimal(text):.2f}"


def _share(text: str | None) -> str:
    return "-" if text is None else f"{100 * Decimal(text):+.2f} %"


def _bar(gain: Decimal, largest: Decimal) -> str:
    """Return a bar in proportion to the largest; whatever is not nothing is seen."""
    if not gain:
        return ""
    length = max(1, round(_WIDEST * abs(gain) / largest))
    colour = "green" if gain > 0 else "red"
    sign = "+" if gain > 0 else "-"
    return f"[{colour}]{sign}{_BLOCK * length}[/]"
