"""Square charts of shares against shares, and bars inside tables."""

from collections.abc import Sequence
from math import isfinite, sqrt

from models.evaluation.drawing import Axis, colour, legend, round_steps, rule
from models.evaluation.markup import Html, joined, note, tag
from models.evaluation.sheet import Bin

_SIDE, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 58, 14, 12, 52
_BIGGEST = 16.0
_ROC_LINES = (0, 2)
_Z90 = 1.645
_Points = Sequence[tuple[float, float]]


def roc_chart(curves: Sequence[tuple[str, _Points]]) -> Html:
    """Return the curves (false alarms, wins found) above the diagonal of guessing."""
    found = zip(_ROC_LINES, curves, strict=False)
    drawn = [(number, name, known) for number, (name, points) in found if (known := _known(points))]
    if not drawn:
        return note("Nothing to draw: there is no ROC curve.")
    across, up = _axes(0.0, 1.0)
    lines = [
        tag("polyline", tag("title", name), class_=f"curve {colour(number)}", points=path)
        for number, name, points in drawn
        if (path := " ".join(f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in points))
    ]
    title = "ROC curve: wins found against false alarms"
    picture = _square(title, ("false alarms", "wins found"), (across, up), lines)
    return tag("div", picture, legend([(number, name) for number, name, _ in drawn]))


def reliability_chart(bins: Sequence[Bin]) -> Html:
    """Return promised against observed shares; areas are labels, whiskers 90 % of luck."""
    known = [one for one in bins if isfinite(one.promised) and isfinite(one.observed)]
    if not known:
        return note("Nothing to draw: there are no bins.")
    low, high = _range(known)
    axes = _axes(low, high)
    most = max((one.n_effective for one in known if isfinite(one.n_effective)), default=0.0)
    dots = [_dot(one, most, axes) for one in known]
    title = "Reliability: how often it won against how often it was promised to win"
    return _square(title, ("promised", "observed"), axes, dots)


def bar(value: float, most: float) -> Html:
    """Return a bar as wide as its share of the greatest value; nothing where it has none."""
    if not isfinite(value) or not isfinite(most) or most <= 0:
        return Html("")
    width = min(max(100 * value / most, 0.0), 100.0)
    return tag(
        "svg",
        tag("rect", x=0, y=0, width=f"{width:.1f}", height=10),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )


def _known(points: _Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if isfinite(x) and isfinite(y)]


def _axes(low: float, high: float) -> tuple[Axis, Axis]:
    return (
        Axis(low=low, high=high, start=_LEFT, end=_SIDE - _RIGHT),
        Axis(low=low, high=high, start=_SIDE - _BOTTOM, end=_TOP),
    )


def _range(bins: Sequence[Bin]) -> tuple[float, float]:
    """Return the part of [0, 1] that holds every bin and its whisker, with some room."""
    ends = [
        end
        for one in bins
        for end in (one.promised, one.observed - _luck(one), one.observed + _luck(one))
    ]
    room = max(0.06 * (max(ends) - min(ends)), 0.01)
    return max(min(ends) - room, 0.0), min(max(ends) + room, 1.0)


def _luck(one: Bin) -> float:
    """Return how far 90 % of kept promises may end up from what was promised, by luck alone."""
    if not isfinite(one.n_effective) or one.n_effective <= 0:
        return 0.0
    return _Z90 * sqrt(max(one.promised * (1 - one.promised), 0.0) / one.n_effective)


def _dot(one: Bin, most: float, axes: tuple[Axis, Axis]) -> Html:
    across, up = axes
    x, y = f"{across.place(one.promised):.1f}", up.place(one.observed)
    size = one.n_effective / most if most > 0 and isfinite(one.n_effective) else 0.0
    low, high = max(one.observed - _luck(one), 0.0), min(one.observed + _luck(one), 1.0)
    said = f"promised {one.promised:.1%}, observed {one.observed:.1%}"
    radius = max(_BIGGEST * sqrt(max(size, 0.0)), 3.0)
    return joined(
        tag(
            "line",
            class_="whisker",
            x1=x,
            x2=x,
            y1=f"{up.place(low):.1f}",
            y2=f"{up.place(high):.1f}",
        ),
        tag("circle", tag("title", said), class_="dot", cx=x, cy=f"{y:.1f}", r=f"{radius:.1f}"),
    )


def _square(
    title: str, names: tuple[str, str], axes: tuple[Axis, Axis], marks: Sequence[Html]
) -> Html:
    across, up = axes
    ends = {
        "x1": f"{across.start:.1f}",
        "y1": f"{up.start:.1f}",
        "x2": f"{across.end:.1f}",
        "y2": f"{up.end:.1f}",
    }
    picture = tag(
        "svg",
        tag("title", title),
        *_scale(across, up),
        tag("line", tag("title", "diagonal"), class_="ideal", **ends),
        *reversed(marks),
        *_names(names),
        viewBox=f"0 0 {_SIDE} {_SIDE}",
        role="img",
        aria_label=title,
        class_="square",
    )
    return tag("figure", tag("figcaption", title), picture)


def _scale(across: Axis, up: Axis) -> list[Html]:
    values, decimals = round_steps(100 * across.low, 100 * across.high, 6)
    drawn: list[Html] = []
    for value in values:
        x, y = across.place(value / 100), up.place(value / 100)
        shown = f"{value + 0.0:.{decimals}f} %"
        drawn += [
            rule(x, up.start, x, up.end),
            rule(across.start, y, across.end, y),
            tag("text", shown, x=f"{x:.1f}", y=_SIDE - _BOTTOM + 20, text_anchor="middle"),
            tag("text", shown, x=_LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end"),
        ]
    return drawn


def _names(names: tuple[str, str]) -> tuple[Html, Html]:
    middle, height = (_LEFT + _SIDE - _RIGHT) / 2, (_TOP + _SIDE - _BOTTOM) / 2
    return (
        tag("text", names[0], x=f"{middle:.1f}", y=_SIDE - 8, text_anchor="middle"),
        tag(
            "text",
            names[1],
            text_anchor="middle",
            transform=f"translate(12 {height:.1f}) rotate(-90)",
        ),
    )
