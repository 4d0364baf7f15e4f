"""Exact money: Decimal, 38 digits at most, 18 of them after the point, as in the tables."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import NewType

from shared.domain.errors import BadInput

Price = NewType("Price", Decimal)
Quantity = NewType("Quantity", Decimal)
Quote = NewType("Quote", Decimal)

ZERO = Decimal(0)
SCALE = Decimal(1).scaleb(-18)
MONEY = Context(prec=50, rounding=ROUND_HALF_EVEN)
_AMOUNT = Context(prec=50, rounding=ROUND_HALF_EVEN, Emax=19)  # 20 digits before the point


def exact(value: Decimal) -> Decimal:
    """Return `value` at 18 decimals in its plain form: what a table will hold and give back.

    Raises:
        BadInput: not finite, or more than 20 digits before the point.
    """
    try:
        quantised = _AMOUNT.quantize(value, SCALE)
    except InvalidOperation as error:
        raise _no_amount(value) from error
    if quantised.is_nan():
        raise _no_amount(value)
    return MONEY.add(MONEY.normalize(quantised), ZERO)  # plain, without another call


def plain(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without a positive exponent."""
    return MONEY.add(MONEY.normalize(value), ZERO)


def _no_amount(value: Decimal) -> BadInput:
    if value.is_finite():
        what, remedy = f"{value} exceeds 20 digits before the point", "give a smaller one"
    else:
        what, remedy = f"{value} is not an amount", "give a finite decimal"
    return BadInput("amount", what, remedy)


def to_decimal(raw: str | float | Decimal) -> Decimal:
    """Return the decimal a person would read: a float by its shortest text, not its binary tail."""
    return Decimal(repr(raw) if isinstance(raw, float) else raw)


def to_text(value: Decimal) -> str:
    """Return plain decimal notation without an exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value` (value >= 0)."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def nearest(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_HALF_EVEN) * step
