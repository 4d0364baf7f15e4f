"""Figures as people read them; what is unknown or not a number is a dash."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite

from models.evaluation.sheet import Estimate

NOTHING = "-"
_GROUPS = {
    "A": "A returns and momentum",
    "B": "B candle shape",
    "C": "C trend",
    "D": "D oscillators",
    "E": "E volatility",
    "F": "F range and breakout",
    "G": "G volume and flow",
    "H": "H memory",
    "I": "I cross-asset",
    "J": "J calendar",
}


def contender(name: str) -> str:
    return name[:1].upper() + name[1:]


def feature_group(name: str) -> str:
    return _GROUPS.get(name, name)


def listed(names: Sequence[str]) -> str:
    """Return the names in one line, and how many where they are many."""
    many = f"{len(names)} instruments: " if len(names) > 3 else ""
    return f"{many}{', '.join(names) or NOTHING}"


def figure(value: float | None, digits: int = 2) -> str:
    if value is None or not isfinite(value):
        return NOTHING
    return f"{round(value, digits) + 0.0:,.{digits}f}"  # adding 0 turns -0.00 into 0.00


def signed(value: float | None, digits: int = 2) -> str:
    if value is None or not isfinite(value):
        return NOTHING
    return f"{'+' if round(value, digits) > 0 else ''}{figure(value, digits)}"


def share(value: float | None, digits: int = 2) -> str:
    """Return a ratio in percent."""
    return NOTHING if _is_unknown(value) else f"{figure(100 * (value or 0.0), digits)} %"


def signed_share(value: float | None, digits: int = 2) -> str:
    return NOTHING if _is_unknown(value) else f"{signed(100 * (value or 0.0), digits)} %"


def count(value: float | None) -> str:
    return figure(value, 0)


def chance(value: float | None) -> str:
    """Return a p-value: bootstrap draws are too few to tell more than a thousandth."""
    if value is not None and 0 <= value < 0.001:
        return "under 0.001"
    return figure(value, 3)


def estimate(one: Estimate | None, shown: Callable[[float], str]) -> str:
    """Return a figure and its interval."""
    if one is None or not isfinite(one.value):
        return NOTHING
    if not (isfinite(one.low) and isfinite(one.high)):
        return shown(one.value)
    return f"{shown(one.value)} ({shown(one.low)} to {shown(one.high)})"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def duration(seconds: int) -> str:
    """Return the length of a candle as markets name it: 1h, 4h, 1d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return str(timedelta(seconds=seconds))


def _is_unknown(value: float | None) -> bool:
    return value is None or not isfinite(value)
