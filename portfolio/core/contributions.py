"""What came and went beside trading: a deposit earns nothing, a withdrawal is no loss."""

from dataclasses import replace
from decimal import Decimal

from portfolio.core.equity import Watermark
from shared.domain.values import MONEY, exact


def shifted(last: Watermark, contributed: Decimal) -> Watermark:
    """Return the watermark as if what was contributed since had been there all along.

    Peak and start of the day move in proportion to the equity, so that the drawdown and the ratio
    of the day's gain stay what they were.
    """
    if not contributed:
        return last
    equity = exact(MONEY.add(last.equity, contributed))
    if last.equity <= 0 or equity <= 0:
        return replace(last, equity=equity, peak_equity=equity, day_start_equity=equity)
    return replace(
        last,
        equity=equity,
        peak_equity=_scaled(last.peak_equity, equity, last.equity),
        day_start_equity=_scaled(last.day_start_equity, equity, last.equity),
    )


def _scaled(amount: Decimal, new: Decimal, old: Decimal) -> Decimal:
    return exact(MONEY.divide(MONEY.multiply(amount, new), old))
