"""One long spot position: quantity held, what it cost, what has been earned."""

from dataclasses import dataclass, replace
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
    `unexplained` is what was sold and never bought as far as is known, `unexplained_proceeds` what
    it brought; neither is in `quantity` or in `realized_pnl` until somebody explains it.
    """

    symbol: Symbol
    quantity: Decimal = ZERO
    cost_basis: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    opened_at: datetime | None = None
    unexplained: Decimal = ZERO
    unexplained_proceeds: Decimal = ZERO
    last_sold_at: datetime | None = None

    @property
    def average_cost(self) -> Decimal:
        if not self.quantity:
            return ZERO
        return exact(MONEY.divide(self.cost_basis, self.quantity))

    @property
    def is_open(self) -> bool:
        return self.quantity > 0

    def cost_of(self, quantity: Decimal) -> Decimal:
        """Return what this much of what is held has cost, on average."""
        if quantity == self.quantity:
            return self.cost_basis
        return exact(MONEY.divide(MONEY.multiply(self.cost_basis, quantity), self.quantity))


def apply(position: Position, flow: Flow, at: datetime) -> Position:
    """Return the position after a flow that it can bear.

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
            unexplained=position.unexplained,
            unexplained_proceeds=position.unexplained_proceeds,
            last_sold_at=position.last_sold_at,
        )
    sold_cost = position.cost_of(MONEY.minus(flow.base))
    earned = MONEY.subtract(flow.quote, sold_cost)
    return Position(
        symbol=position.symbol,
        quantity=quantity,
        cost_basis=exact(MONEY.subtract(position.cost_basis, sold_cost)),
        realized_pnl=exact(MONEY.add(position.realized_pnl, earned)),
        fees=fees,
        opened_at=position.opened_at if quantity else None,
        unexplained=position.unexplained,
        unexplained_proceeds=position.unexplained_proceeds,
        last_sold_at=_later(position.last_sold_at, at),
    )


def sold_unheld(position: Position, flow: Flow, at: datetime) -> Position:
    """Return the position after a sale of what nobody had: it waits to be explained."""
    return replace(
        position,
        unexplained=exact(MONEY.subtract(position.unexplained, flow.base)),
        unexplained_proceeds=exact(MONEY.add(position.unexplained_proceeds, flow.quote)),
        fees=exact(MONEY.add(position.fees, flow.fee_quote)),
        last_sold_at=_later(position.last_sold_at, at),
    )


def explain(position: Position, quantity: Decimal) -> tuple[Position, Flow]:
    """Return the position with this much explained, and the sale that it was all along."""
    if quantity == position.unexplained:
        proceeds = position.unexplained_proceeds
    else:
        part = MONEY.multiply(position.unexplained_proceeds, quantity)
        proceeds = exact(MONEY.divide(part, position.unexplained))
    left = replace(
        position,
        unexplained=exact(MONEY.subtract(position.unexplained, quantity)),
        unexplained_proceeds=exact(MONEY.subtract(position.unexplained_proceeds, proceeds)),
    )
    sale = Flow(base=MONEY.minus(quantity), quote=proceeds, notional=ZERO, fee_quote=ZERO)
    return left, sale


def _later(known: datetime | None, at: datetime) -> datetime:
    return at if known is None or known < at else known
