"""Whatever is asked of the exchange, nothing is made or lost, and no order fills beyond itself."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.enums import OrderType, Side, TimeInForce
from simulator.engine.clocks import ManualClock
from simulator.engine.model import DuplicateIds, Refusal, State
from tests.unit.simulator.engine_room import BTC, PRICE, exchange, market, order

D = Decimal

OFFSETS = st.integers(-400, 400).map(lambda number: PRICE + number)
QUANTITIES = st.integers(1, 60_000).map(lambda lots: lots * D("0.00001"))
SIDES = st.sampled_from(Side)
IDS = st.integers(0, 9).map(lambda number: f"id-{number}")


def _limit(client_order_id, side, quantity, price, extras):
    time_in_force, is_post_only, is_stop = extras
    rests = time_in_force is TimeInForce.GTC
    asked = order(
        client_order_id,
        side=side,
        quantity=quantity,
        limit_price=price,
        time_in_force=time_in_force,
        is_post_only=is_post_only and rests and not is_stop,
    )
    if not is_stop:
        return asked
    trigger = PRICE + side.sign * 100
    return replace(asked, order_type=OrderType.STOP_LIMIT, stop_price=trigger)


EXTRAS = st.tuples(
    st.sampled_from([TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC]),
    st.booleans(),
    st.booleans(),
)
ORDERS = st.one_of(
    st.builds(_limit, IDS, SIDES, QUANTITIES, OFFSETS, EXTRAS),
    st.builds(
        lambda name, side, size: market(name, side=side, quantity=size), IDS, SIDES, QUANTITIES
    ),
    st.builds(
        lambda name, side, amount: market(name, side=side, quantity=None, quote_quantity=amount),
        IDS,
        SIDES,
        st.integers(2, 20_000).map(D),
    ),
)
STEPS = st.lists(
    st.one_of(
        ORDERS,
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("price"), OFFSETS),
        st.tuples(st.just("wait"), st.integers(1, 60)),
        st.tuples(st.just("dead man"), st.integers(0, 60)),
    ),
    max_size=25,
)


def _do(one, clock, step):
    if not isinstance(step, tuple):
        one.submit(step)
        return
    what, number = step
    match what:
        case "cancel":
            known = one.orders("main")
            one.cancel("main", known[number % len(known)].venue_order_id if known else "none")
        case "price":
            one.set_price(BTC, number, D("0.15"))
        case "wait":
            clock.go_on(timedelta(seconds=number))
        case _:
            one.arm_dead_man("main", number, ())


def _check(one):
    totals = {"USD": D(0), "BTC": D(0)}
    for account in one.accounts():
        for asset, funds in one.funds(account).items():
            totals[asset] += funds.available + funds.held
    assert totals == {"USD": D(30_000), "BTC": D("0.5")}
    held = {"USD": D(0), "BTC": D(0)}
    on_top = D(1) if one.house.is_fee_in_received else 1 + one.house.taker_ratio
    for known in one.orders("main"):
        assert 0 <= known.filled_quantity <= known.quantity
        assert (known.state is State.FILLED) == (known.filled_quantity == known.quantity)
        for fill in known.executions:
            if known.asked.limit_price is not None:
                assert (fill.price - known.asked.limit_price) * known.asked.side.sign <= 0
        if not known.state.is_over:
            left = known.quantity - known.filled_quantity
            if known.asked.side is Side.SELL:
                held["BTC"] += left
            else:
                held["USD"] += left * known.asked.limit_price * on_top
    funds = one.funds("main")
    assert held == {asset: funds[asset].held for asset in held}
    assert all(amount.available >= 0 for amount in funds.values())
    trades = [fill.trade_id for fill in one.executions("main")]
    assert len(trades) == len(set(trades))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.booleans(), st.sampled_from(DuplicateIds), st.integers(0, 5))
def test_any_story_conserves_every_asset(steps, is_fee_in_received, duplicate_ids, seed):
    clock = ManualClock()
    one = exchange(
        clock,
        {"USD": D(30_000), "BTC": D("0.5")},
        seed,
        is_fee_in_received=is_fee_in_received,
        duplicate_ids=duplicate_ids,
    )
    for step in steps:
        with suppress(Refusal):
            _do(one, clock, step)
        _check(one)
