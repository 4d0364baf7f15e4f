"""Numbers and instants of a report in a person's words; a dash where there is none."""

from datetime import datetime, timedelta
from decimal import Decimal

NONE = "-"
_DAY = 86_400
_MINUTE = 60


def amount(value: Decimal | None) -> str:
    """Return money with two decimals, or with as many as a small one needs."""
    if value is None:
        return NONE
    if value and abs(value) < Decimal("0.1"):
        return f"{float(value):.3g}"
    return f"{value:,.2f}"


def signed(value: Decimal) -> str:
    return f"+{amount(value)}" if value > 0 else amount(value)


def plainly(value: Decimal | None) -> str:
    """Return a quantity or price with its own digits, eight after the point at most."""
    if value is None:
        return NONE
    text = f"{value:,.8f}".rstrip("0").rstrip(".")
    return text if value == 0 or text not in ("0", "-0") else f"{float(value):.3g}"


def share(value: float | Decimal | None, *, plus: bool = False) -> str:
    if value is None:
        return NONE
    return f"{100 * value:{'+' if plus else ''}.2f} %"


def points(value: Decimal | None) -> str:
    """Return a ratio in hundredths of a percent."""
    return NONE if value is None else f"{10_000 * value:.1f} bps"


def figure(value: float | None) -> str:
    return NONE if value is None else f"{value:,.2f}"


def instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def days(seconds: float) -> str:
    """Return a time in the largest unit that fits."""
    if seconds >= _DAY:
        return f"{seconds / _DAY:.1f} days"
    if seconds >= 60 * _MINUTE:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / _MINUTE:.0f} minutes"


def lasted(time: timedelta) -> str:
    return days(time.total_seconds())
