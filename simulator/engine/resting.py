"""What the moving price does to orders that wait."""

from collections.abc import Iterable
from datetime import datetime

from shared.domain.enums import Liquidity, OrderType
from shared.domain.values import ZERO, floor_to
from simulator.engine.book import for_quantity, is_within
from simulator.engine.desk import Desk
from simulator.engine.model import SimulatedOrder, State
from simulator.engine.rules import would_trigger
from simulator.market_path import draw_ratio


def expire(desk: Desk, at: datetime) -> None:
    """End what was good until an instant that has come."""
    for order in _waiting(desk):
        until = order.asked.good_until
        if until is not None and until <= at:
            desk.end(order, State.EXPIRED, at)


def move(desk: Desk, at: datetime) -> None:
    """Let a new book meet the orders that wait, the oldest first."""
    for order in _waiting(desk):
        if order.state is State.PENDING:
            _trigger(desk, order, at)
        elif order.asked.order_type is not OrderType.MARKET:
            _fill_resting(desk, order, at)


def _waiting(desk: Desk) -> Iterable[SimulatedOrder]:
    return sorted(desk.open.values(), key=lambda order: order.number)


def _trigger(desk: Desk, order: SimulatedOrder, at: datetime) -> None:
    if not would_trigger(order.asked, desk.books.markets[order.asked.symbol].price(at)):
        return
    order.has_triggered, order.state, order.updated_at = True, State.OPEN, at
    desk.keep(order)
    desk.match(order, at)


def _fill_resting(desk: Desk, order: SimulatedOrder, at: datetime) -> None:
    """Fill as maker: all that has come through the limit, or a share of what traded at it.

    Who is touched but not passed waits until the quantity before him in the queue is gone.
    """
    asked, limit = order.asked, order.asked.limit_price
    if limit is None:
        return
    levels = desk.books.opposite(asked.symbol, asked.side, at)
    passed = tuple(level for level in levels if is_within(level[0], limit, asked.side))
    left = order.quantity - order.filled_quantity
    price = desk.books.markets[asked.symbol].price(at)
    if passed:
        desk.queues[order.venue_order_id] = ZERO
        for level in for_quantity(passed, left):
            desk.books.take(asked.symbol, asked.side, at, level)
            desk.execute(order, (limit, level[1]), Liquidity.MAKER, at)
    elif is_within(price, limit, asked.side) and levels:
        lot_size = desk.listing(asked).lot_size
        share = draw_ratio(desk.seed, "traded", order.number, at)
        traded = floor_to(levels[0][1] * share, lot_size)
        before = desk.queues.get(order.venue_order_id, ZERO)
        desk.queues[order.venue_order_id] = max(before - traded, ZERO)
        quantity = min(floor_to(max(traded - before, ZERO), lot_size), left)
        if quantity > 0:
            desk.execute(order, (limit, quantity), Liquidity.MAKER, at)
