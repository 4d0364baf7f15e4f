"""The bracket of what is held at a venue behind a network: the label's rule, on ticks.

Where the venue has stop orders, one rests there for whatever is held, and the rule here only looks
after it; everything else (targets, horizons, venues without stops) leaves by an order of ours when
a tick touches the bracket. Nothing is remembered: holdings and working orders say all there is to
know, so a restart changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from executor.core.book import InstrumentBook
from executor.core.holdings import Holding
from executor.core.order import Order, OrderState
from executor.core.planning import plan_exit
from shared.domain.bracket import Exit, touch
from shared.domain.enums import ExitReason, OrderStatus, OrderType, Purpose, TimeInForce
from shared.domain.ids import ClientOrderId, DecisionId, client_order_id, derive
from shared.domain.values import MONEY, ZERO, floor_to
from shared.domain.venue import TopOfBook, TradingRules

_ONE = Decimal(1)
EXITS_PER_MINUTE = 6  # a venue that refuses one will refuse the next: asking on does not help


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How brackets are kept; `collar_ratio`: how far below the market a sale may go at most."""

    mode: str
    collar_ratio: Decimal
    exit_type: OrderType
    uses_native_stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What one tick asks for: orders to make, stops to take away first."""

    orders: tuple[Order, ...] = ()
    to_cancel: tuple[OrderState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The market at one look.

    By order id of the entry: `stops_made`, how many stops it has had; `stops_lately` and
    `exits_lately`, how many stops and exits within the last minute.
    """

    quote: TopOfBook
    rules: TradingRules
    at: datetime
    stops_made: Mapping[ClientOrderId, int]
    stops_lately: Mapping[ClientOrderId, int] = field(default_factory=dict[ClientOrderId, int])
    exits_lately: Mapping[ClientOrderId, int] = field(default_factory=dict[ClientOrderId, int])


def protect(book: InstrumentBook, tick: Tick, guard: Guard) -> Protection:
    """Return what the holdings of one instrument need now."""
    found = Protection()
    for holding, bare in _bare(book, tick.rules.instrument.lot_size):
        one = _protect(holding, bare, book.orders, tick, guard)
        found = Protection(
            orders=(*found.orders, *one.orders), to_cancel=(*found.to_cancel, *one.to_cancel)
        )
    ended = _ended_entries(book, found.orders, tick.at)
    return replace(found, to_cancel=(*found.to_cancel, *ended, *_orphans(book)))


def _orphans(book: InstrumentBook) -> tuple[OrderState, ...]:
    """Return the stops of what is no longer held: they would sell coins that are not ours."""
    held = {holding.entry.client_order_id for holding in book.holdings}
    stops = [state for state in stops_of(book.orders) if state.order.parent not in held]
    return _still_open(stops)


def _ended_entries(
    book: InstrumentBook, planned: Sequence[Order], now: datetime
) -> list[OrderState]:
    """Return the entries that must not buy any more: leaving ends a trade, and so does its time."""
    exits = [state.order for state in book.orders if _is_exit(state.order)]
    left_at = max((one.decided_at for one in (*exits, *planned) if _is_exit(one)), default=None)
    return [
        state
        for state in book.orders
        if state.order.purpose is Purpose.ENTRY
        and not state.facts.is_cancel_requested
        and (_is_over(state.order, now) or (left_at and state.order.decided_at < left_at))
    ]


def _is_over(entry: Order, now: datetime) -> bool:
    return entry.horizon_at is not None and now >= entry.horizon_at


def _is_exit(order: Order) -> bool:
    return order.purpose is Purpose.EXIT and order.order_type is not OrderType.STOP_LIMIT


def is_locked_up(book: InstrumentBook, order: Order, lot_size: Decimal) -> bool:
    """Tell whether a stop still holds what `order`, an exit of this book, is to sell.

    The stops of other entries go on protecting what is theirs.
    """
    if order.order_type is OrderType.STOP_LIMIT:
        return False
    return any(
        stops_of(book.orders, holding)
        for holding, bare in _bare(book, lot_size)
        if order.parent in (None, holding.entry.client_order_id)
        and bare < floor_to(holding.quantity, lot_size)
    )


def unsold(book: InstrumentBook, order: Order) -> Decimal:
    """Return what is held that no other order, stops included, may be selling at the venue."""
    selling = (
        state.remaining
        for state in book.orders
        if state.order.purpose is Purpose.EXIT
        and state.order.client_order_id != order.client_order_id
        and state.status is not OrderStatus.APPROVED
    )
    return max(book.held - sum(selling, ZERO), ZERO)


def _bare(book: InstrumentBook, lot_size: Decimal) -> list[tuple[Holding, Decimal]]:
    """Return each holding with what of it nothing but a stop is going to sell."""
    found: list[tuple[Holding, Decimal]] = []
    spare = _leaving(book.orders, None)
    for holding in sorted(book.holdings, key=lambda one: one.bracket is None):  # as they are sold
        own = _leaving(book.orders, holding)
        covered = min(spare, max(holding.quantity - own, ZERO))
        spare -= covered
        found.append((holding, floor_to(holding.quantity - own - covered, lot_size)))
    return found


def stops_of(orders: Sequence[OrderState], holding: Holding | None = None) -> list[OrderState]:
    """Return the working stops, of one holding where one is given."""
    return [
        state
        for state in orders
        if state.order.order_type is OrderType.STOP_LIMIT
        and (holding is None or state.order.parent == holding.entry.client_order_id)
    ]


def _protect(
    holding: Holding, bare: Decimal, orders: Sequence[OrderState], tick: Tick, guard: Guard
) -> Protection:
    stops = stops_of(orders, holding)
    found = _touched(holding, tick)
    if bare < floor_to(holding.quantity, tick.rules.instrument.lot_size):
        return Protection(to_cancel=_still_open(stops))  # something is leaving already
    if found is None:
        return _rest_a_stop(holding, bare, stops, tick, guard)
    if found.reason is ExitReason.STOP and _is_working_on_it(stops, tick):
        return Protection()
    if stops:
        return Protection(to_cancel=_still_open(stops))
    tried = tick.exits_lately.get(holding.entry.client_order_id, 0)
    if tried >= EXITS_PER_MINUTE or not _is_sellable(bare, tick.quote.bid, tick):
        return Protection()
    return Protection(orders=(_exit(holding, found, bare, tick, guard),))


def _touched(holding: Holding, tick: Tick) -> Exit | None:
    bracket, bid = holding.bracket, tick.quote.bid
    if bracket is None:
        return None
    if tick.at >= bracket.horizon_at:
        return Exit(reason=ExitReason.HORIZON, price=bid)
    return touch(bracket, bid, bid, bid)


def _is_working_on_it(stops: Sequence[OrderState], tick: Tick) -> bool:
    """Tell whether a stop at the venue has the exit in hand: its limit can still be had."""
    return any(
        not state.facts.is_cancel_requested and tick.quote.bid >= state.order.limit_price
        for state in stops
    )


def _rest_a_stop(
    holding: Holding, bare: Decimal, stops: Sequence[OrderState], tick: Tick, guard: Guard
) -> Protection:
    is_wanted = guard.uses_native_stops and tick.rules.has_native_stop and holding.bracket
    if not is_wanted or bare <= ZERO:
        return Protection()
    if not stops:
        stop = _stop(holding, bare, tick, guard)
        tried = tick.stops_lately.get(holding.entry.client_order_id, 0)
        is_taken = tried < EXITS_PER_MINUTE and _is_sellable(bare, stop.limit_price, tick)
        return Protection(orders=(stop,) if is_taken else ())
    if sum((state.remaining for state in stops), ZERO) != bare:
        return Protection(to_cancel=_still_open(stops))
    return Protection()


def _still_open(stops: Sequence[OrderState]) -> tuple[OrderState, ...]:
    return tuple(state for state in stops if not state.facts.is_cancel_requested)


def _leaving(orders: Sequence[OrderState], holding: Holding | None) -> Decimal:
    parent = None if holding is None else holding.entry.client_order_id
    wanted = (
        state.remaining
        for state in orders
        if _is_exit(state.order) and state.order.parent == parent
    )
    return sum(wanted, ZERO)


def _is_sellable(quantity: Decimal, price: Decimal, tick: Tick) -> bool:
    rules = tick.rules
    is_enough = MONEY.multiply(quantity, price) >= rules.instrument.min_notional
    return is_enough and quantity >= rules.min_quantity and quantity > ZERO


def _exit(holding: Holding, found: Exit, bare: Decimal, tick: Tick, guard: Guard) -> Order:
    order = plan_exit(holding.entry, found.reason, bare, found.price, tick.at, guard.mode)
    if guard.exit_type is OrderType.MARKET:
        return order
    worst = MONEY.multiply(tick.quote.bid, _ONE - guard.collar_ratio)
    least = MONEY.divide(tick.rules.instrument.min_notional, bare)  # below it, it is too little
    worst = min(max(worst, least), tick.quote.bid)
    return replace(
        order, order_type=OrderType.LIMIT, time_in_force=TimeInForce.IOC, limit_price=worst
    )


def _stop(holding: Holding, quantity: Decimal, tick: Tick, guard: Guard) -> Order:
    entry, bracket = holding.entry, holding.bracket
    assert bracket is not None
    number = tick.stops_made.get(entry.client_order_id, 0) + 1
    decision = DecisionId(derive("decision", entry.decision_id, "stop", str(number)))
    order = plan_exit(entry, ExitReason.STOP, quantity, bracket.stop, tick.at, guard.mode)
    return replace(
        order,
        client_order_id=client_order_id(guard.mode, entry.account, decision),
        decision_id=decision,
        order_type=OrderType.STOP_LIMIT,
        stop_price=bracket.stop,
        limit_price=MONEY.multiply(bracket.stop, _ONE - guard.collar_ratio),
    )
