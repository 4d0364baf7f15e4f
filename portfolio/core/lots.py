"""First-in first-out lots, as tax offices count them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.core.flow import Flow
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What one purchase brought in; `cost` includes its fee, `remaining` has not been sold yet."""

    lot_id: str
    symbol: Symbol
    acquired_at: datetime
    quantity: Decimal
    remaining: Decimal
    cost: Decimal
    remaining_cost: Decimal


def age(lot: Lot) -> tuple[datetime, str]:
    """Sort key: oldest first, and the same order after a restart where instants are equal."""
    return (lot.acquired_at, lot.lot_id)


def open_lot(lot_id: str, symbol: Symbol, flow: Flow, at: datetime) -> Lot:
    return Lot(
        lot_id=lot_id,
        symbol=symbol,
        acquired_at=at,
        quantity=flow.base,
        remaining=flow.base,
        cost=MONEY.minus(flow.quote),
        remaining_cost=MONEY.minus(flow.quote),
    )


def sell_from(lots: Iterable[Lot], quantity: Decimal) -> Iterator[Lot]:
    """Yield the lots that selling `quantity` changes, oldest first (`lots` come in that order)."""
    for lot in lots:
        if not quantity:
            return
        sold = min(lot.remaining, quantity)
        quantity = MONEY.subtract(quantity, sold)
        if sold:
            yield without(lot, sold)


def without(lot: Lot, sold: Decimal) -> Lot:
    """Return the lot after part of it was sold; its cost goes in proportion."""
    remaining = exact(MONEY.subtract(lot.remaining, sold))
    share = MONEY.divide(MONEY.multiply(lot.remaining_cost, remaining), lot.remaining)
    return Lot(
        lot_id=lot.lot_id,
        symbol=lot.symbol,
        acquired_at=lot.acquired_at,
        quantity=lot.quantity,
        remaining=remaining,
        cost=lot.cost,
        remaining_cost=exact(share),
    )
