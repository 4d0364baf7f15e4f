"""How a check says no."""

from decimal import Decimal

from shared.domain.values import ZERO, to_text
from shared.domain.verdict import Breach


def breach(
    check: str, limit: object, value: object, *, remedy: str, headroom: Decimal = ZERO
) -> Breach:
    return Breach(
        check=check,
        limit=_text(limit),
        value=_text(value),
        headroom=to_text(headroom),
        remedy=remedy,
    )


def _text(value: object) -> str:
    return to_text(value) if isinstance(value, Decimal) else str(value)
