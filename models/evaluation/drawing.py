"""Values over time as SVG: axes with dates and values, a legend, nothing to load."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import ceil, floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

from models.evaluation.markup import Html, joined, note, tag

_POINTS = 1200
_COLOURS = 6
_WIDTH, _HEIGHT = 800, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 48, 16, 40
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_DAYS = (1, 2, 5, 10, 20)
_MONTH_SECONDS, _DAY_SECONDS = 2_629_746, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`points`: (Unix seconds, value), in time order."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def drawable(self) -> tuple[tuple[float, float], ...]:
        return tuple((x, y) for x, y in self.points if isfinite(x) and isfinite(y))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A straight way from values to places on the paper."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def thinned(values: NDArray[np.float64], points: int = _POINTS) -> NDArray[np.int64]:
    """Return the indices to draw: both extremes of every stretch, so that no spike is lost."""
    if len(values) <= points:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), points // 2 + 1).astype(int)
    chosen = {0, len(values) - 1}
    for start, end in pairwise(edges):
        part = values[start:end]
        chosen |= {start + int(part.argmin()), start + int(part.argmax())}
    return np.array(sorted(chosen))


def line_chart(lines: Sequence[Line], title: str) -> Html:
    """Return a figure of all lines over time; the first one is the one to look at."""
    drawn = [line.drawable for line in lines]
    places = [point for points in drawn for point in points]
    if not places:
        return note("Nothing to draw: there is no equity curve.")
    across = _spread((x for x, _ in places), _LEFT, _WIDTH - _RIGHT, margin=0.0)
    up = _spread((y for _, y in places), _HEIGHT - _BOTTOM, _TOP, margin=0.04)
    curves = [
        _curve(number, line.name, points, across, up)
        for number, (line, points) in enumerate(zip(lines, drawn, strict=True))
        if points
    ]
    picture = tag(
        "svg",
        tag("title", title),
        *_values(up),
        *_dates(across),
        *reversed(curves),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=title,
        class_="timeline",
    )
    return tag(
        "figure", tag("figcaption", title), picture, legend(list(enumerate(map(_end, lines))))
    )


def round_steps(low: float, high: float, most: int) -> tuple[list[float], int]:
    """Return round values within [low, high], at most `most`, and the decimals to show."""
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * (1 - 1e-9))
    decimals = max(0, -floor(log10(step) + 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(step * number, decimals) for number in range(first, last + 1)], decimals


def colour(number: int) -> str:
    """Return the class of the line with that number; lines differ in dashes, too."""
    return f"s{number % _COLOURS}"


def _spread(values: Iterable[float], start: float, end: float, margin: float) -> Axis:
    known = list(values)
    low, high = min(known), max(known)
    room = margin * (high - low) if high > low else max(abs(low), 1.0) / 100
    return Axis(low=low - room, high=high + room, start=start, end=end)


def _curve(
    number: int, name: str, points: Sequence[tuple[float, float]], across: Axis, up: Axis
) -> Html:
    path = " ".join(f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in points)
    return tag("polyline", tag("title", name), class_=f"curve {colour(number)}", points=path)


def _values(up: Axis) -> list[Html]:
    values, decimals = round_steps(up.low, up.high, 6)
    return [
        joined(
            rule(_LEFT, up.place(value), _WIDTH - _RIGHT, up.place(value)),
            _label(f"{value + 0.0:,.{decimals}f}", _LEFT - 10, up.place(value) + 5, "end"),
        )
        for value in values
    ]


def _dates(across: Axis) -> list[Html]:
    bottom = _HEIGHT - _BOTTOM
    return [
        joined(
            rule(across.place(second), _TOP, across.place(second), bottom),
            _label(shown, across.place(second), bottom + 26, "middle"),
        )
        for second, shown in date_steps(across.low, across.high)
    ]


def date_steps(first: float, last: float) -> list[tuple[float, str]]:
    """Return up to five instants worth a label, and the labels; both ends of a short time."""
    span = last - first
    if span > 2.4 * _MONTH_SECONDS:
        months = next((n for n in _MONTHS if span / (n * _MONTH_SECONDS) <= 5), _MONTHS[-1])
        found = _months(first, last, months)
    else:
        days = next((n for n in _DAYS if span / (n * _DAY_SECONDS) < 4), _DAYS[-1])
        step = days * _DAY_SECONDS
        found = [
            (float(at), f"{_utc(at):%Y-%m-%d}")
            for at in range(ceil(first / _DAY_SECONDS) * _DAY_SECONDS, floor(last) + 1, step)
        ]
    if len(found) >= 2:
        return found
    return [(at, f"{_utc(at):%m-%d %H:%M}") for at in sorted({first, last})]


def _months(first: float, last: float, step: int) -> list[tuple[float, str]]:
    start, end = _utc(first), _utc(last)
    pattern = "%Y" if step >= 12 else "%Y-%m"
    found: list[tuple[float, str]] = []
    for month in range(start.year * 12 // step * step, end.year * 12 + end.month, step):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if start <= at <= end:
            found.append((at.timestamp(), at.strftime(pattern)))
    return found


def _utc(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def rule(x1: float, y1: float, x2: float, y2: float) -> Html:
    return tag(
        "line", class_="grid", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}"
    )


def _label(shown: str, x: float, y: float, anchor: str) -> Html:
    return tag("text", shown, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def legend(entries: Sequence[tuple[int, str]]) -> Html:
    """Return the numbers of lines as they are drawn, and what they are."""
    return tag("ul", *(_entry(number, said) for number, said in entries), class_="legend")


def _entry(number: int, said: str) -> Html:
    stroke = tag("line", class_=f"curve {colour(number)}", x1=0, y1=5, x2=32, y2=5)
    swatch = tag("svg", stroke, viewBox="0 0 32 10", aria_hidden="true")
    return tag("li", swatch, said)


def _end(line: Line) -> str:
    points = line.drawable
    if not points:
        return f"{line.name}: no curve"
    last = points[-1][1]
    return f"{line.name}: ends at {last:,.{0 if abs(last) >= 1000 else 3}f}"
