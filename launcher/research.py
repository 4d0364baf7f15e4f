"""The command `backtest`: yesterday through today's code."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from backtest.baselines import buy_and_hold, flat
from backtest.charts import write_html, write_png
from backtest.engine import run
from backtest.inputs import Speaker
from backtest.market import Market
from backtest.report import as_document, build_report
from launcher.candles import (
    as_arrays,
    chosen,
    end_of,
    is_synthetic,
    moment,
    stored,
    traded_market,
)
from launcher.console import out, print_json, print_table
from launcher.options import AsJson, Symbols, listed, refuse_unwritable
from launcher.policies import backtest_spec, speakers
from launcher.progress import steps
from market_data.settings import MarketDataSettings
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.runtime.settings import PlatformSettings, load
from signals.core.combine import Mixture
from signals.core.rules import RULE

_SYNTHETIC_CANDLES = 8760
From = Annotated[str, typer.Option("--from", help="First candle, for example 2021-01-01 (UTC).")]
To = Annotated[
    str,
    typer.Option("--to", help="Last candle, for example 2023-12-31: that day included (UTC)."),
]


def backtest(
    symbols: Symbols = "",
    start: From = "",
    end: To = "",
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with all of it.")
    ] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Write the equity curve.")] = None,
    are_challengers: Annotated[
        bool, typer.Option("--challengers", help="Ask the models in shadow, not those in service.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run yesterday through today's code, beside flat, buy-and-hold and the EMA/RSI baseline."""
    refuse_unwritable("--html", html)
    refuse_unwritable("--png", png)
    settings = load(PlatformSettings)
    first, last = moment("--from", start), end_of("--to", end)
    if is_synthetic(settings):  # a model of this market was trained on what came before its start
        first = first or load(MarketDataSettings).start
    series = stored(settings, chosen(settings, listed(symbols)), beyond=_SYNTHETIC_CANDLES)
    data = as_arrays({symbol: one.between(first, last) for symbol, one in series.items()})
    spec = backtest_spec(settings)
    models = speakers(settings, tuple(data), are_challengers=are_challengers)
    _refuse_left_out(settings, tuple(models), tuple(data))
    rules_only = replace(spec, mixture=Mixture(weights={RULE: 1.0}, threshold=0.5))
    with steps("backtest") as shown:
        result = run(spec, data, models, "strategy", partial(shown, "strategy"))
        baseline = run(rules_only, data, {}, "EMA/RSI", partial(shown, "EMA/RSI"))
    market = Market(data, spec.interval)
    rivals = (
        baseline.outcome,
        flat(market, spec.opening_total),
        buy_and_hold(market, spec.opening_total, spec.risk.costs),
    )
    notes = _notes(settings, models, int(market.seconds[0]))
    curves = {one.name: one.curve for one in (result.outcome, *rivals)}
    title = f"Backtest of {', '.join(data)} at {settings.market.venue}"
    report = build_report(title, result, rivals, notes)
    if html is not None:
        write_html(html, curves, report)
    if png is not None:
        write_png(png, curves, title)
    if as_json:
        print_json({**as_document(result, rivals), "notes": notes})
        return
    for note in report.notes:
        out.print(note, markup=False)
    for table in report.tables:
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        print_table(table.title, rows, table.columns, empty="-")


def _refuse_left_out(
    settings: PlatformSettings, asked: Sequence[Symbol], given: Sequence[Symbol]
) -> None:
    """Refuse to ask a model about an instrument without the one it is measured against."""
    for symbol in asked:
        reference = traded_market(settings).references[symbol]
        if reference not in given:
            raise BadInput(
                "--symbols",
                f"the model measures {symbol} against {reference}, which is left out",
                f"add {reference}",
            )


def _notes(settings: PlatformSettings, models: Mapping[Symbol, Speaker], start: int) -> list[str]:
    notes: list[str] = []
    if settings.market.venue == "synthetic":
        notes.append("The candles are SYNTHETIC: this says nothing about real markets.")
    if not models:
        notes.append(
            "There is no model in service: only the baseline can speak. 'trading train' makes one, "
            "'trading models promote' puts it to work, --challengers asks it before that."
        )
    if any(speaker.model.trained_until.timestamp() > start for speaker in models.values()):
        notes.append("HINDSIGHT: a model was trained on candles of this period; do not believe it.")
    return notes
