"""The equity curve as a picture (PNG) and as a page that loads nothing (HTML)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from backtest.report import Report, Table
from backtest.result import Curve

_POINTS = 1200
_WIDTH, _HEIGHT, _MARGIN = 960, 320, 8
_COLOURS = ("#1f6feb", "#8b949e", "#d29922", "#3fb950", "#db61a2")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0;width:100%;display:block;overflow-x:auto}"
    "td,th{padding:.3rem .7rem;border-bottom:1px solid #d0d7de;text-align:right;"
    "font-variant-numeric:tabular-nums}td:first-child,th:first-child{text-align:left}"
    "svg{width:100%;height:auto;background:#f6f8fa}.note{color:#57606a}"
)


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
    names = tuple(curves)
    legend = " ".join(
        f'<span style="color:{colour}">&#9632;</span> {escape(name)}'
        for colour, name in zip(_cycle(len(names)), names, strict=True)
    )
    tables = "".join(_table(table) for table in report.tables)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes)
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style><h1>{escape(report.title)}</h1>{notes}<p>{legend}</p>"
        f"{_svg(curves)}{tables}</html>\n",
        encoding="utf-8",
    )


def drawdowns(equity: np.ndarray) -> np.ndarray:
    """Return the fall from the running peak at every point, as positive ratios."""
    peaks = np.maximum.accumulate(equity)
    return (peaks - equity) / peaks


def thinned(values: np.ndarray, points: int = _POINTS) -> np.ndarray:
    """Return the indices to draw: both extremes of every stretch, so that no spike is lost."""
    if len(values) <= points:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), points // 2 + 1).astype(int)
    chosen = {0, len(values) - 1}
    for start, end in pairwise(edges):
        part = values[start:end]
        chosen |= {start + int(part.argmin()), start + int(part.argmax())}
    return np.array(sorted(chosen))


def _cycle(count: int) -> Sequence[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _instants(curve: Curve, chosen: np.ndarray) -> list[datetime]:
    return [datetime.fromtimestamp(int(second), UTC) for second in curve.seconds[chosen]]


def _svg(curves: Mapping[str, Curve]) -> str:
    low = min(float(curve.equity.min()) for curve in curves.values())
    high = max(float(curve.equity.max()) for curve in curves.values())
    start = min(int(curve.seconds[0]) for curve in curves.values())
    end = max(int(curve.seconds[-1]) for curve in curves.values())
    lines = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.4" points="'
        f'{_points(curve, (low, high), (start, end))}"><title>{escape(name)}</title></polyline>'
        for colour, (name, curve) in zip(_cycle(len(curves)), curves.items(), strict=True)
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="equity">{lines}</svg>'


def _points(curve: Curve, values: tuple[float, float], seconds: tuple[int, int]) -> str:
    chosen = thinned(curve.equity)
    across = (_WIDTH - 2 * _MARGIN) / max(seconds[1] - seconds[0], 1)
    up = (_HEIGHT - 2 * _MARGIN) / ((values[1] - values[0]) or 1.0)
    return " ".join(
        f"{_MARGIN + (int(curve.seconds[at]) - seconds[0]) * across:.1f},"
        f"{_HEIGHT - _MARGIN - (float(curve.equity[at]) - values[0]) * up:.1f}"
        for at in chosen
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>"
