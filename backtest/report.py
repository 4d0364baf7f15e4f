"""A result as tables of text: for a terminal, a page, or JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from backtest.result import BacktestResult, InstrumentOutcome, Outcome
from portfolio.core.performance import Performance
from shared.domain.values import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    title: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


_FIGURES: tuple[tuple[str, Callable[[Performance], str]], ...] = (
    ("return", lambda one: _share(one.return_ratio)),
    ("CAGR", lambda one: _share(one.cagr)),
    ("volatility", lambda one: _share(one.volatility)),
    ("Sharpe", lambda one: _figure(one.sharpe)),
    ("Sortino", lambda one: _figure(one.sortino)),
    ("Calmar", lambda one: _figure(one.calmar)),
    ("max drawdown", lambda one: _share(one.max_drawdown_ratio)),
    ("longest drawdown", lambda one: f"{one.longest_drawdown_seconds / 86_400:.1f} days"),
    ("worst day", lambda one: _share(one.worst_day_ratio)),
    ("value at risk, 95 % of days", lambda one: _share(one.value_at_risk_ratio)),
    ("trades", lambda one: str(one.trades)),
    ("win rate", lambda one: _share(one.win_rate)),
    ("profit factor", lambda one: _figure(one.profit_factor)),
    ("expectancy", lambda one: "-" if one.expectancy is None else f"{one.expectancy:.2f}"),
    ("turnover", lambda one: _figure(one.turnover)),
    ("fees", lambda one: f"{one.fees:.2f}"),
    ("exposure", lambda one: _share(one.exposure_ratio)),
)


def build_report(
    title: str, result: BacktestResult, rivals: Sequence[Outcome], notes: Sequence[str] = ()
) -> Report:
    """Return the comparison with the rivals, the instruments, and how trades ended."""
    return Report(
        title=title,
        notes=(_period(result), *notes),
        tables=(
            comparison((result.outcome, *rivals)),
            per_instrument(tuple(result.instruments.values())),
            exits(result),
        ),
    )


def comparison(outcomes: Sequence[Outcome]) -> Table:
    """One row per figure, one column per contender."""
    return Table(
        title="Figures",
        columns=("", *(outcome.name for outcome in outcomes)),
        rows=tuple(
            (name, *(show(outcome.performance) for outcome in outcomes)) for name, show in _FIGURES
        ),
    )


def per_instrument(outcomes: Sequence[InstrumentOutcome]) -> Table:
    columns = ("instrument", "candles", "trades", "win rate", "profit factor", "profit", "fees")
    return Table(
        title="Instruments",
        columns=(*columns, "buy and hold"),
        rows=tuple(
            (
                one.symbol,
                str(one.candles),
                str(one.trades),
                _share(one.win_rate),
                _figure(one.profit_factor),
                f"{one.realized_pnl:.2f}",
                f"{one.fees:.2f}",
                _share(one.buy_and_hold_ratio),
            )
            for one in outcomes
        ),
    )


def exits(result: BacktestResult) -> Table:
    """How closed trades ended, and what each way of ending earned."""
    closed = [trip for trip in result.decisions.trips if trip.closed_at is not None]
    reasons = sorted({trip.exit_reason for trip in closed if trip.exit_reason is not None})
    rows: list[tuple[str, ...]] = []
    for reason in reasons:
        trips = [trip for trip in closed if trip.exit_reason is reason]
        profit = sum((trip.pnl for trip in trips), start=type(trips[0].pnl)(0))
        rows.append((reason.value, str(len(trips)), f"{profit:.2f}"))
    return Table(title="Exits", columns=("reason", "trades", "profit"), rows=tuple(rows))


def as_document(result: BacktestResult, rivals: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures as plain values; money as text."""
    return {
        "start": result.outcome.curve.start.isoformat(),
        "end": result.outcome.curve.end.isoformat(),
        "equity": to_text(result.final.equity),
        "recommendations": len(result.decisions.recommendations),
        "verdicts": len(result.decisions.verdicts),
        "orders": len(result.decisions.orders),
        "fills": len(result.decisions.fills),
        "performance": _plain(result.outcome.performance),
        "rivals": {rival.name: _plain(rival.performance) for rival in rivals},
        "instruments": {
            symbol: {
                **asdict(one),
                "realized_pnl": to_text(one.realized_pnl),
                "fees": to_text(one.fees),
            }
            for symbol, one in result.instruments.items()
        },
    }


def _plain(performance: Performance) -> dict[str, Any]:
    return {
        name: to_text(value) if isinstance(value, Decimal) else value
        for name, value in asdict(performance).items()
    }


def _period(result: BacktestResult) -> str:
    curve = result.outcome.curve
    return (
        f"{curve.start:%Y-%m-%d %H:%M} to {curve.end:%Y-%m-%d %H:%M} UTC, "
        f"{len(curve.equity) - 1} candles, {len(result.decisions.fills)} fills, "
        f"final equity {to_text(result.final.equity)}"
    )
