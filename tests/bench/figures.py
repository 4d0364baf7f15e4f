"""One measured figure, what it should be, and what was measured beside it in the same run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RATES = ("/s",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` is the median of a latency; a target is a ceiling, or a floor where it is a rate."""

    what: str
    value: float
    unit: str
    p99: float | None = None
    target: float | None = None
    p99_target: float | None = None
    beside: str = ""

    @property
    def is_rate(self) -> bool:
        return self.unit.endswith(RATES)

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        reached = self.value >= self.target if self.is_rate else self.value <= self.target
        tail = self.p99_target is None or (self.p99 is not None and self.p99 <= self.p99_target)
        return "ok" if reached and tail else "MISSED"

    def as_row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*self.__slots__, "verdict")}


def skipped(what: str, why: str) -> Figure:
    return Figure(what=what, value=float("nan"), unit="", beside=f"not measured: {why}")


def latency(what: str, seconds: Sequence[float], unit: str, **rest: Any) -> Figure:
    """Return the median and the 99th percentile in µs, ms or s."""
    scale = {"µs": 1e6, "ms": 1e3, "s": 1.0}[unit]
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * scale
    return Figure(what=what, value=float(p50), p99=float(p99), unit=unit, **rest)


def timed(work: Callable[[], object], times: int, warm: int = 3) -> list[float]:
    """Return the seconds that each call took, after a few that do not count."""
    for _ in range(warm):
        work()
    found: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def text(value: float | None) -> str:
    """Return three significant digits, thousands parted."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
