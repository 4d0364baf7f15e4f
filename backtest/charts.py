"""The equity curve as a picture (PNG) and as a page that loads nothing (HTML)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from backtest.report import Report
from backtest.result import Curve
from models.evaluation.drawing import Line, line_chart, thinned
from models.evaluation.markup import document, note, table, tag

_COLOURS = ("#1f6feb", "#8b949e", "#d29922", "#3fb950", "#db61a2")


def write_png(path: Path, curves: Mapping[str, Curve], title: str) -> None:
    """Draw every curve over time, and the first one's drawdown below."""
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for colour, (name, curve) in zip(_cycle(len(curves)), curves.items(), strict=True):
        chosen = thinned(curve.equity)
        upper.plot(_instants(curve, chosen), curve.equity[chosen], color=colour, lw=1.1, label=name)
    first = next(iter(curves.values()))
    fall = drawdowns(first.equity)
    chosen = thinned(fall)
    lower.fill_between(_instants(first, chosen), -100 * fall[chosen], color="#cf222e", alpha=0.4)
    upper.set_title(title)
    upper.set_ylabel("equity, quote")
    lower.set_ylabel("drawdown, %")
    upper.legend(loc="best")
    upper.grid(alpha=0.3)
    lower.grid(alpha=0.3)
    figure.savefig(path, dpi=120, format="png")


def write_html(path: Path, curves: Mapping[str, Curve], report: Report) -> None:
    lines = [Line(name=name, points=_points(curve)) for name, curve in curves.items()]
    page = document(
        report.title,
        tag("h1", report.title),
        *(note(one) for one in report.notes),
        line_chart(lines, "Equity, quote"),
        *(table(one.title, one.columns, one.rows) for one in report.tables),
    )
    path.write_text(page, encoding="utf-8")


def drawdowns(equity: np.ndarray) -> np.ndarray:
    """Return the fall from the running peak at every point, as positive ratios."""
    peaks = np.maximum.accumulate(equity)
    return (peaks - equity) / peaks


def _cycle(count: int) -> Sequence[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _instants(curve: Curve, chosen: np.ndarray) -> list[datetime]:
    return [datetime.fromtimestamp(int(second), UTC) for second in curve.seconds[chosen]]


def _points(curve: Curve) -> tuple[tuple[float, float], ...]:
    return tuple(
        (float(curve.seconds[at]), float(curve.equity[at])) for at in thinned(curve.equity)
    )
