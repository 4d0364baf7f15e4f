"""The command `lint-leakage`: does anything a model learns from know the future?"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from launcher.candles import (
    as_arrays,
    chosen,
    end_of,
    is_synthetic,
    moment,
    stored,
    traded_market,
)
from launcher.console import FAILED, out, print_json, print_table
from launcher.options import AsJson, Symbols, listed
from launcher.progress import steps
from launcher.research import From, To
from models.leakage import (
    Finding,
    Instrument,
    SelfTest,
    Served,
    Subject,
    both,
    bracket_labels,
    catalogue,
    feature_function,
    forward_folds,
    instruments_of,
    lint,
    selftest,
)
from models.manifest import LabelRule
from models.validation import WalkForwardRule
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load
from signal_generator.repository.served import served_vectors

_SERVED_CANDLES = 5_000


def lint_leakage(
    symbols: Symbols = "",
    start: From = "",
    end: To = "",
    features: Annotated[
        str,
        typer.Option(
            "--features", help="Your own package.module:function, looked at beside the catalogue."
        ),
    ] = "",
    is_selftest: Annotated[
        bool, typer.Option("--selftest", help="Plant eight leaks and look whether each is caught.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for leaks in candles, features, labels and splits; exit with 1 where there is one."""
    if is_selftest:
        _test_itself(as_json=as_json)
        return
    subject = _subject(symbols, start, end, features)
    with steps("looking for leaks") as report:
        findings = lint(subject, report)
    leaks = [one for one in findings if one.is_leak]
    if as_json:
        print_json({"is_clean": not leaks, "findings": [asdict(one) for one in findings]})
    else:
        _show(subject, findings)
    if leaks:
        sys.exit(FAILED)


def _subject(symbols: str, start: str, end: str, features: str) -> Subject:
    settings = load(PlatformSettings)
    market = settings.market
    source = catalogue
    if features:
        sys.path.insert(0, str(Path.cwd()))
        source = both(catalogue, feature_function(features))
    first, last = moment("--from", start), end_of("--to", end)
    traded = traded_market(settings).only(chosen(settings, listed(symbols)))
    series = {
        symbol: one.between(first, last) for symbol, one in stored(settings, traded.needed).items()
    }
    rule = LabelRule(fee_ratio=market.fee_ratio, slippage_ratio=market.slippage_ratio)
    embargo_seconds = rule.horizon * market.interval.seconds
    instruments = instruments_of(as_arrays(series), traded)
    return Subject(
        instruments=instruments if is_synthetic(settings) else _with_served(settings, instruments),
        features=source,
        labels=bracket_labels(rule),
        cut=forward_folds(WalkForwardRule(embargo_seconds=embargo_seconds)),
        horizon=rule.horizon,
        embargo_seconds=embargo_seconds,
    )


def _with_served(
    settings: PlatformSettings, instruments: tuple[Instrument, ...]
) -> tuple[Instrument, ...]:
    """Put beside the stored candles what the services made of them when they closed."""
    interval = settings.market.interval
    found: list[Instrument] = []
    with build_runtime(settings).transactions("launcher").read() as connection:
        for one in instruments:
            closed_at, vectors = served_vectors(
                connection, one.candles.symbol, interval, _SERVED_CANDLES
            )
            served = Served(closed_at=closed_at, values=vectors) if len(vectors) else None
            found.append(replace(one, served=served))
    return tuple(found)


def _show(subject: Subject, findings: tuple[Finding, ...]) -> None:
    names = ", ".join(one.candles.symbol for one in subject.instruments)
    rows: list[Mapping[str, Any]] = [
        {"check": f"{one.check} {one.title}", "verdict": one.verdict, "detail": one.detail}
        for one in findings
    ]
    print_table(f"Leaks in {names}", rows, ("check", "verdict", "detail"), empty="-")
    failed = [one.check for one in findings if one.is_leak]
    if failed:
        out.print(f"[red]{', '.join(failed)} failed: do not believe a model trained on this.[/]")
    else:
        out.print("[green]No leak found.[/]")


def _test_itself(*, as_json: bool) -> None:
    with steps("self-test") as report:
        result = selftest(report)
    if as_json:
        print_json({"is_well": result.is_well, **asdict(result)})
    else:
        _show_selftest(result)
    if not result.is_well:
        sys.exit(FAILED)


def _show_selftest(result: SelfTest) -> None:
    rows: list[Mapping[str, Any]] = [
        {
            "planted": name,
            "verdict": "caught" if name in result.caught else "MISSED",
            "failed_checks": ", ".join(failed) or None,
        }
        for name, failed in result.leaks.items()
    ]
    print_table("Planted leaks", rows, ("planted", "verdict", "failed_checks"), empty="-")
    for number, failed in result.alarms.items():
        if failed:
            out.print(f"[red]False alarm on clean set {number + 1}: {', '.join(failed)}[/]")
    out.print(
        f"{len(result.caught)} of {len(result.leaks)} leaks caught, "
        f"{result.false_alarms} false alarms on {len(result.alarms)} clean sets."
    )
