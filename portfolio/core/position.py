"""One long spot position: quantity held, what it cost, what has been earned."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.core.flow import Flow
from shared.domain.errors import Conflict
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """`cost_basis` is the cost of what is still held, purchase fees included.

    The total is kept and the average derived from it, so a closed position has cost exactly zero
    and no rounding residue stays anywhere. `realized_pnl` is net of all fees and never reset.
    """

    symbol: Symbol
    quantity: Decimal = ZERO
    cost_basis: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    opened_at: datetime | None = None

    @property
    def average_cost(self) -> Decimal:
        if not self.quantity:
            return ZERO
        return exact(MONEY.divide(self.cost_basis, self.quantity))

    @property
    def is_open(self) -> bool:
        return self.quantity > 0


def apply(position: Position, flow: Flow, at: datetime) -> Position:
    """Return the position after one fill's flow.

    Raises:
        Conflict: more is sold than held; spot positions are long only.
    """
    quantity = exact(MONEY.add(position.quantity, flow.base))
    if quantity < 0:
        raise Conflict(
            f"{position.symbol}: {position.quantity} held, change {flow.base}; spot is long only"
        )
    fees = exact(MONEY.add(position.fees, flow.fee_quote))
    if flow.base >= 0:
        return Position(
            symbol=position.symbol,
            quantity=quantity,
            cost_basis=exact(MONEY.subtract(position.cost_basis, flow.quote)),
            realized_pnl=position.realized_pnl,
            fees=fees,
            opened_at=position.opened_at or at,
        )
    sold_cost = _cost_of(position, MONEY.minus(flow.base))
    earned = MONEY.subtract(flow.quote, sold_cost)
    return Position(
        symbol=position.symbol,
        quantity=quantity,
        cost_basis=exact(MONEY.subtract(position.cost_basis, sold_cost)),
        realized_pnl=exact(MONEY.add(position.realized_pnl, earned)),
        fees=fees,
        opened_at=position.opened_at if quantity else None,
    )


def _cost_of(position: Position, quantity: Decimal) -> Decimal:
    if quantity == position.quantity:
        return position.cost_basis
    share = MONEY.divide(MONEY.multiply(position.cost_basis, quantity), position.quantity)
    return exact(share)
