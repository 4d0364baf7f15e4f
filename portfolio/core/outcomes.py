"""What closed round trips came to: how often they win, and how much."""

from collections.abc import Sequence
from decimal import Decimal

from portfolio.core.equity import total
from shared.domain.values import MONEY, exact


def win_rate(profits: Sequence[Decimal]) -> float | None:
    """Return the share of those that earned something, None where there are none."""
    return sum(profit > 0 for profit in profits) / len(profits) if profits else None


def profit_factor(profits: Sequence[Decimal]) -> float | None:
    """Return what the winners won over what the losers lost, None where nothing was lost."""
    lost = total(losers(profits))
    return float(MONEY.divide(total(winners(profits)), MONEY.minus(lost))) if lost else None


def mean(amounts: Sequence[Decimal]) -> Decimal | None:
    return exact(MONEY.divide(total(amounts), Decimal(len(amounts)))) if amounts else None


def winners(profits: Sequence[Decimal]) -> list[Decimal]:
    return [profit for profit in profits if profit > 0]


def losers(profits: Sequence[Decimal]) -> list[Decimal]:
    return [profit for profit in profits if profit < 0]
