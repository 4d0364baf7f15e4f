"""The bracket of what is held, on ticks: stops rest at the venue, everything else leaves in time."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from executor.core.book import InstrumentBook
from executor.core.holdings import Holding
from executor.core.protecting import Guard, Tick, protect
from executor.core.steps import accept, approve, claim_approved, request_cancel
from shared.domain.enums import ExitReason, OrderType, Purpose, Side, TimeInForce
from shared.domain.venue import TopOfBook
from tests.builders import BTC
from tests.unit.executor.executor_builders import order
from tests.unit.executor.test_claiming import RULES

D = Decimal
ENTRY = order()  # stop 2 % below, target 2 % above, 24 hours
NOW = ENTRY.decided_at + timedelta(minutes=1)
HOLDING = Holding(entry=ENTRY, quantity=D(1), anchor_price=D(100))
GUARD = Guard(
    mode="paper", collar_ratio=D("0.01"), exit_type=OrderType.LIMIT, uses_native_stops=True
)
NO_STOPS = replace(RULES, order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}))


def tick(bid, rules=RULES, at=NOW, stops_made=None):
    quote = TopOfBook(
        symbol=BTC, bid=D(str(bid)), bid_quantity=D(9), ask=D(str(bid)) + 1, ask_quantity=D(9),
        at=at,
    )  # fmt: skip
    return Tick(quote=quote, rules=rules, at=at, stops_made=stops_made or {})


def held(*orders, holding=HOLDING):
    return InstrumentBook(orders=tuple(orders), holdings=(holding,))


def working(wanted, at=NOW):
    claimed = claim_approved(approve(wanted, at).state, at)
    return accept(claimed.state, f"v-{wanted.client_order_id[-4:]}", at).state


def the_stop(**changes):
    (stop,) = protect(held(), tick(100), GUARD).orders
    return working(replace(stop, **changes))


def test_what_is_held_gets_a_stop_at_the_venue():
    (stop,) = protect(held(), tick(100), GUARD).orders
    assert (stop.side, stop.purpose, stop.order_type) == (
        Side.SELL, Purpose.EXIT, OrderType.STOP_LIMIT,
    )  # fmt: skip
    assert (stop.stop_price, stop.limit_price, stop.quantity) == (D(98), D("97.02"), D(1))
    assert (stop.time_in_force, stop.parent) == (TimeInForce.GTC, ENTRY.client_order_id)
    assert stop.exit_reason is ExitReason.STOP


def test_a_stop_that_rests_for_all_of_it_is_left_alone():
    assert protect(held(the_stop()), tick(100), GUARD) == protect(
        InstrumentBook(), tick(100), GUARD
    )


def test_a_stop_for_another_quantity_is_taken_away_and_then_replaced_by_one_with_another_id():
    old = the_stop()
    grown = replace(HOLDING, quantity=D(2))
    found = protect(held(old, holding=grown), tick(100), GUARD)
    assert (found.orders, found.to_cancel) == ((), (old,))
    again = protect(held(holding=grown), tick(100, stops_made={ENTRY.client_order_id: 1}), GUARD)
    assert again.orders[0].quantity == D(2)
    assert again.orders[0].client_order_id != old.order.client_order_id


def test_the_same_stop_has_the_same_id_whenever_it_is_planned():
    first = protect(held(), tick(100), GUARD).orders[0]
    later = protect(held(), tick(101, at=NOW + timedelta(minutes=5)), GUARD).orders[0]
    assert first.client_order_id == later.client_order_id


def test_a_touched_stop_is_the_venues_affair_while_its_limit_can_be_had():
    stop = the_stop()
    found = protect(held(stop), tick("97.5"), GUARD)
    assert (found.orders, found.to_cancel) == ((), ())


def test_a_stop_that_was_jumped_over_is_taken_away_and_the_rest_sold_by_us():
    stop = the_stop()
    jumped = protect(held(stop), tick(90), GUARD)
    assert (jumped.orders, jumped.to_cancel) == ((), (stop,))
    leaving = request_cancel(stop, NOW).state
    assert protect(held(leaving), tick(90), GUARD) == protect(
        InstrumentBook(), tick(90), GUARD
    )  # its cancel is on the way
    (exit_,) = protect(held(), tick(90), GUARD).orders
    assert (exit_.exit_reason, exit_.order_type) == (ExitReason.STOP, OrderType.LIMIT)
    assert (exit_.limit_price, exit_.time_in_force) == (D("89.10"), TimeInForce.IOC)


def test_a_target_takes_the_stop_away_first():
    stop = the_stop()
    assert protect(held(stop), tick(102), GUARD).to_cancel == (stop,)
    (exit_,) = protect(held(), tick(102), GUARD).orders
    assert exit_.exit_reason is ExitReason.TARGET


def test_nothing_outlives_its_horizon_even_if_nobody_recommends_leaving():
    late = tick(100, at=ENTRY.horizon_at)
    (exit_,) = protect(held(), late, GUARD).orders
    assert exit_.exit_reason is ExitReason.HORIZON


def test_where_the_venue_has_no_stops_a_tick_does_it():
    assert protect(held(), tick(100, NO_STOPS), GUARD).orders == ()
    (exit_,) = protect(held(), tick(98, NO_STOPS), GUARD).orders
    assert (exit_.exit_reason, exit_.quantity) == (ExitReason.STOP, D(1))


def test_an_exit_that_is_working_is_not_doubled():
    (exit_,) = protect(held(), tick(90, NO_STOPS), GUARD).orders
    for state in (approve(exit_, NOW).state, working(exit_)):
        assert protect(held(state), tick(90, NO_STOPS), GUARD).orders == ()


def test_an_exit_of_nobody_in_particular_covers_it_and_takes_the_stop_away():
    recommended = working(order(side=Side.SELL, hour=1, quantity=D(1)))
    stop = the_stop()
    found = protect(held(recommended, stop), tick(102), GUARD)
    assert (found.orders, found.to_cancel) == ((), (stop,))


def test_what_is_too_small_to_sell_stays():
    dust = replace(HOLDING, quantity=D("0.04"))
    assert protect(held(holding=dust), tick(90), GUARD).orders == ()


def test_exits_at_the_market_are_orders_without_a_price():
    (exit_,) = protect(held(), tick(90), replace(GUARD, exit_type=OrderType.MARKET)).orders
    assert exit_.order_type is OrderType.MARKET


def test_leaving_ends_the_trade_and_what_an_older_entry_still_wants():
    older = working(order(hour=-1, quantity=D(3)))
    found = protect(held(older), tick(90, NO_STOPS), GUARD)
    assert found.orders
    assert found.to_cancel == (older,)
    newer = working(replace(order(hour=0), decided_at=NOW + timedelta(seconds=1)))
    assert protect(held(newer), tick(90, NO_STOPS), GUARD).to_cancel == ()


def test_an_entry_that_still_rests_at_its_horizon_is_canceled_though_nothing_is_held():
    waiting = working(order())
    nothing = InstrumentBook(orders=(waiting,))
    assert protect(nothing, tick(100, at=NOW), GUARD).to_cancel == ()
    assert protect(nothing, tick(100, at=ENTRY.horizon_at), GUARD).to_cancel == (waiting,)


def test_a_venue_that_refuses_exit_after_exit_is_not_asked_every_second():
    tried = replace(tick(90, NO_STOPS), exits_lately={ENTRY.client_order_id: 6})
    assert protect(held(), tried, GUARD).orders == ()


def test_a_stop_of_what_is_no_longer_held_is_taken_away():
    orphan = the_stop()
    gone = InstrumentBook(orders=(orphan,))
    assert protect(gone, tick(100), GUARD).to_cancel == (orphan,)
