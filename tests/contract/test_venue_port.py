"""What `venues/port.py` promises, held against every adapter over its simulated venue."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import Symbol, VenueOrderId
from shared.domain.venue import Accepted, Ambiguous, NotSent, OrderHint, Refused
from simulator.engine.clocks import ManualClock
from simulator.keys import simulated_key
from tests.contract.venue_desk import (
    COINS,
    FUNDS,
    D,
    Operation,
    SpentBudget,
    desk_at,
    ref_of,
)
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway, VenueError
from venues.opening import dialect_of
from venues.port import CancelAnswer, VenueKeys, VenueName
from venues.stream import follow

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HAS_STOPS = {VenueName.COINBASE: True, VenueName.BINANCE_US: True, VenueName.KUCOIN: False}
HAS_END_TIMES = {VenueName.COINBASE: True, VenueName.BINANCE_US: False, VenueName.KUCOIN: True}
HAS_DEAD_MAN = {VenueName.COINBASE: False, VenueName.BINANCE_US: False, VenueName.KUCOIN: True}
# Binance.US tells nobody what a key may do, only what the account may
TELLS_WITHDRAWALS = {VenueName.COINBASE: True, VenueName.BINANCE_US: None, VenueName.KUCOIN: True}
TAKER = {
    VenueName.COINBASE: D("0.012"),
    VenueName.BINANCE_US: D("0.001"),
    VenueName.KUCOIN: D("0.001"),
}
LARGEST_PAGE_OF_CANDLES = 1500


@pytest.fixture(params=list(VenueName))
def name(request):
    return request.param


@pytest.fixture
def desk(name):
    with desk_at(name) as one:
        yield one


def rules_of(desk):
    return {one.instrument.symbol: one for one in desk.venue.rules()}


# --- the market


def test_the_venues_clock_is_read(desk):
    assert abs(desk.venue.server_time() - datetime.now(UTC)) < 2 * SECOND
    assert desk.venue.name is desk.name


def test_rules_name_every_instrument_in_our_words_with_its_steps(desk):
    rules = rules_of(desk)
    assert set(rules) == {desk.symbol, desk.other}
    btc = rules[desk.symbol]
    assert (btc.instrument.tick_size, btc.instrument.lot_size) == (D("0.01"), D("0.00001"))
    assert btc.min_quantity == D("0.00001")
    assert btc.instrument.min_notional > 0
    assert btc.max_quantity is None or btc.max_quantity > 1000
    assert btc.is_trading
    assert not (btc.is_limit_only)
    assert not (btc.is_post_only)
    assert not (btc.is_cancel_only)
    assert {OrderType.LIMIT, OrderType.MARKET} <= btc.order_types
    assert btc.has_native_stop is HAS_STOPS[desk.name]
    assert {TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC} <= btc.time_in_forces
    assert (TimeInForce.GTD in btc.time_in_forces) is HAS_END_TIMES[desk.name]


def test_the_top_of_the_book_has_both_sides_and_our_time(desk):
    top = desk.venue.top_of_book(desk.symbol)
    assert top.symbol == desk.symbol
    assert D(99) < top.bid < top.ask < D(101)
    assert min(top.bid_quantity, top.ask_quantity) > 0
    assert abs(top.at - datetime.now(UTC)) < 2 * SECOND


def test_of_an_instrument_the_venue_does_not_have_no_price_is_told(desk):
    with pytest.raises(VenueError):
        desk.venue.top_of_book(Symbol(f"NONE-{desk.quote}"))


@pytest.mark.parametrize("interval", list(Interval))
def test_candles_are_closed_in_order_and_within_what_was_asked(desk, interval):
    now = datetime.now(UTC)
    start, end = now - 20 * interval.delta, now + interval.delta
    candles = desk.venue.candles(desk.symbol, interval, start, end)
    assert 18 <= len(candles) <= 20
    assert all(after.open_at > before.open_at for before, after in pairwise(candles))
    assert all(start <= one.open_at < end and one.closed_at <= datetime.now(UTC) for one in candles)
    assert all(one.closed_at - one.open_at == interval.delta for one in candles)
    assert {one.symbol for one in candles} == {desk.symbol}
    again = desk.venue.candles(desk.symbol, interval, candles[3].open_at, candles[7].open_at)
    assert list(again) == list(candles[3:7])  # the end does not belong to it


def test_candles_of_more_than_one_page_come_without_a_gap_or_a_repetition(desk):
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    count = LARGEST_PAGE_OF_CANDLES + 60
    candles = desk.venue.candles(desk.symbol, Interval.M1, end - count * MINUTE, end)
    assert [one.open_at for one in candles] == [end - k * MINUTE for k in range(count, 0, -1)]
    assert desk.asked[Operation.CANDLES] > 1


def test_no_candles_are_asked_for_before_they_have_closed(desk):
    now = datetime.now(UTC)
    assert not desk.venue.candles(desk.symbol, Interval.D1, now, now + SECOND)


# --- the account


def test_balances_tell_what_is_free_and_what_orders_hold(desk):
    before = {one.asset: one for one in desk.venue.balances()}
    assert before[desk.quote].available == before[desk.quote].total == FUNDS
    assert before["BTC"].available == COINS
    assert isinstance(desk.submit(desk.request()), Accepted)
    after = {one.asset: one for one in desk.venue.balances()}
    assert after[desk.quote].held >= D(45)
    assert after[desk.quote].total == FUNDS


def test_fee_rates_are_ratios(desk):
    rates = desk.venue.fee_rates(desk.symbol)
    assert rates.taker == TAKER[desk.name]
    assert 0 <= rates.maker <= rates.taker


def test_what_a_key_may_do_is_known(desk):
    may = desk.venue.key_permissions()
    assert (may.may_read, may.may_trade) == (True, True)
    assert may.may_withdraw in (False, None)


def test_a_key_that_may_withdraw_is_seen_to(name):
    key = replace(simulated_key(name, 7), may_withdraw=True)
    with desk_at(name, keys=(key,)) as desk:
        told = desk.venue.key_permissions().may_withdraw
        assert told is TELLS_WITHDRAWALS[desk.name]  # None: nobody may take it for harmless


def test_a_key_that_may_only_read_is_told_apart_and_places_nothing(name):
    key = replace(simulated_key(name, 7), may_trade=False)
    with desk_at(name, keys=(key,)) as desk:
        assert desk.venue.key_permissions().may_trade is False
        assert isinstance(desk.submit(desk.request()), Refused)
        assert not desk.sim.oracle().orders


def test_a_wrong_key_is_refused_by_name(desk):
    key = desk.sim.key
    other = simulated_key(desk.name, 8)
    wrong = [
        VenueKeys(key=other.key, secret=key.secret, passphrase=key.passphrase),
        VenueKeys(key=key.key, secret=other.secret, passphrase=key.passphrase),
    ]
    for keys in wrong:
        venue = desk.open(keys)
        with pytest.raises(KeyRefused):
            venue.balances()
        assert isinstance(venue.submit(desk.request()), Refused)
    assert not desk.sim.oracle().orders


def test_without_a_key_the_market_can_be_asked_and_no_order_leaves(desk):
    venue = desk.open(VenueKeys())
    assert venue.top_of_book(desk.symbol).ask > 0
    assert venue.rules()
    with pytest.raises(VenueError):
        venue.balances()
    assert isinstance(venue.submit(desk.request()), NotSent | Refused)
    assert not desk.sim.oracle().orders


# --- orders of every kind


def kinds(desk, rules):
    """Yield every kind of order that the rules say the venue takes, in a form it must take."""
    good_until = datetime.now(UTC) + timedelta(hours=1)
    for time_in_force in sorted(rules.time_in_forces):
        takes = time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        ends = {"good_until": good_until} if time_in_force is TimeInForce.GTD else {}
        yield desk.request(
            time_in_force=time_in_force, limit_price=D(101) if takes else D(90), **ends
        )
    yield desk.request(is_post_only=True)
    yield desk.request(order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, limit_price=None)
    yield desk.request(
        order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, limit_price=None,
        side=Side.SELL,
    )  # fmt: skip
    if rules.has_native_stop:
        yield desk.request(
            order_type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=D(95), limit_price=D(94)
        )
        yield desk.request(
            order_type=OrderType.STOP_LIMIT, side=Side.BUY, stop_price=D(105), limit_price=D(106)
        )


@pytest.mark.parametrize("are_rules_known", [True, False])
def test_every_kind_the_rules_name_is_taken_and_reported_as_it_was_asked(desk, are_rules_known):
    rules = rules_of(desk)[desk.symbol]
    venue = desk.venue if are_rules_known else desk.open()
    for request in kinds(desk, rules):
        answer = venue.submit(replace(request, send_by=time.monotonic() + 2))
        assert isinstance(answer, Accepted), (request, answer)
        (real,) = desk.accepted(request)
        assert (real.order_type, real.side) == (request.order_type, request.side)
        assert (real.quantity, real.limit_price) == (request.quantity, request.limit_price)
        assert real.stop_price == request.stop_price
        found = venue.find_order(ref_of(request))
        assert found is not None
        assert found.venue_order_id == answer.venue_order_id
        assert found.client_order_id == request.client_order_id
        assert (found.symbol, found.side) == (request.symbol, request.side)
        assert found.order_type is request.order_type
        assert found.quantity == request.quantity
        assert found.limit_price == request.limit_price
        assert found.filled_quantity == real.filled_quantity
        assert found.status.is_terminal is real.state.is_over, (found, real)
    assert len(desk.sim.oracle().orders) == desk.asked[Operation.CREATE]


def test_a_kind_the_rules_do_not_name_is_not_sent(desk):
    rules = rules_of(desk)[desk.symbol]
    unknown = []
    if not rules.has_native_stop:
        unknown.append(
            desk.request(order_type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=D(95))
        )
    if TimeInForce.GTD not in rules.time_in_forces:
        later = datetime.now(UTC) + timedelta(hours=1)
        unknown.append(desk.request(time_in_force=TimeInForce.GTD, good_until=later))
    unknown.append(desk.request(is_post_only=True, time_in_force=TimeInForce.IOC))
    for request in unknown:
        assert isinstance(desk.submit(request), NotSent), request
    assert not desk.asked[Operation.CREATE]


def test_what_breaks_a_known_rule_is_not_sent_and_says_which(desk):
    rules_of(desk)
    wrong = {
        "limit_price": desk.request(limit_price=D("90.001")),
        "quantity": desk.request(quantity=D("0.000001")),
    }
    for field, request in wrong.items():
        answer = desk.submit(request)
        assert isinstance(answer, NotSent), request
        assert field in answer.reason
    assert not desk.asked[Operation.CREATE]


def test_what_breaks_an_unknown_rule_is_refused_by_the_venue(desk):
    for request in (
        desk.request(limit_price=D("90.001")),
        desk.request(quantity=D("0.0000001")),
        desk.request(symbol=Symbol(f"NONE-{desk.quote}")),
    ):
        assert isinstance(desk.submit(request), Refused), request
    assert not desk.sim.oracle().orders


def test_refusals_are_final_and_leave_nothing(desk):
    rules_of(desk)
    refused = {
        "more than there is": desk.request(quantity=D(1200)),
        "more coins than there are": desk.request(
            side=Side.SELL, quantity=COINS + 1, limit_price=D(110)
        ),
        "post-only that would take": desk.request(is_post_only=True, limit_price=D(101)),
    }
    for what, request in refused.items():
        answer = desk.submit(request)
        assert isinstance(answer, Refused), (what, answer)
        assert answer.reason, what
        assert desk.venue.find_order(ref_of(request)) is None
    small = desk.request(quantity=D("0.00002"))  # a notional of 0.0018
    assert isinstance(desk.submit(small), Refused | NotSent)
    assert not desk.sim.oracle().orders


def test_an_ioc_order_takes_what_there_is_and_ends(desk):
    desk.sim.exchange.set_price(desk.symbol, D(100), D("0.1"))
    request = desk.taking(quantity=D(50))
    answer = desk.submit(request)
    assert isinstance(answer, Accepted)
    found = desk.venue.find_order(ref_of(request))
    (real,) = desk.accepted(request)
    assert 0 < found.filled_quantity == real.filled_quantity < 50
    assert found.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    fills = desk.venue.fills(
        desk.symbol, request.signed_at - MINUTE, ref_of(request, answer.venue_order_id)
    )
    told = {(one.trade_id, one.quantity, one.price, one.fee, one.fee_asset) for one in fills}
    assert {one[1:] for one in told} == {
        (one.quantity, one.price, one.fee, one.fee_asset) for one in real.fills
    }
    assert len(told) == len(fills) == len(real.fills)


# --- exactly one request


@pytest.mark.parametrize(
    "fault",
    [
        "reset_before_request", "reset_mid_request", "reset_after_accept", "error_before",
        "error_after", "garbage", "truncated_json", "renamed_field", "duplicate_id",
    ],
)  # fmt: skip
def test_one_submit_is_one_request_and_a_lost_answer_is_in_doubt(desk, fault):
    desk.sim.plan([{"match": {"operation": "create"}, "do": {"fault": fault}}])
    request = desk.taking()
    assert isinstance(desk.submit(request), Ambiguous)
    assert desk.asked[Operation.CREATE] == 1
    found = desk.venue.find_order(ref_of(request))
    was_before = fault in ("reset_before_request", "reset_mid_request", "error_before")
    assert (found is None) is was_before
    assert len(desk.accepted(request)) == (not was_before)
    assert desk.asked[Operation.CREATE] == 1


def test_where_nobody_listens_nothing_is_sent(desk):
    desk.sim.plan([{"do": {"fault": "connect_refused", "seconds": 0.5}}])
    assert isinstance(desk.submit(desk.request()), NotSent)
    with pytest.raises(VenueAway):
        desk.venue.balances()
    time.sleep(0.7)
    assert not desk.asked[Operation.CREATE]
    assert isinstance(desk.submit(desk.request()), Accepted)


def test_what_has_waited_too_long_is_not_sent(desk):
    answer = desk.submit(desk.request(send_by=time.monotonic() - 0.01))
    assert isinstance(answer, NotSent)
    assert not desk.asked[Operation.CREATE]
    assert isinstance(desk.submit(desk.request()), Accepted)  # only that one


@pytest.mark.parametrize(("age", "window"), [(60, 5), (4, 1)])
def test_a_request_dated_too_long_ago_is_refused_by_the_venue(desk, age, window):
    request = desk.request(signed_at=datetime.now(UTC) - age * SECOND, window=window * SECOND)
    answer = desk.submit(request)
    assert isinstance(answer, Refused), answer
    assert desk.asked[Operation.CREATE] == 1
    assert not desk.sim.oracle().orders


def test_no_window_is_longer_than_the_finality_allows(desk):
    """Whatever window is wished for, a request arriving at the end of finality is too late."""
    request = desk.request(
        signed_at=datetime.now(UTC) - desk.venue.finality, window=timedelta(minutes=10)
    )
    assert isinstance(desk.submit(request), Refused | NotSent)
    assert not desk.sim.oracle().orders


def test_a_second_order_with_an_id_that_rests_is_never_a_second_order(desk):
    request = desk.request()
    first = desk.submit(request)
    assert isinstance(first, Accepted)
    again = desk.submit(replace(request, signed_at=datetime.now(UTC), send_by=time.monotonic() + 2))
    if isinstance(again, Accepted):  # the venue gives the first one back
        assert again.venue_order_id == first.venue_order_id
    else:
        assert isinstance(again, Ambiguous)  # it exists: to be asked for, never a refusal
    assert len(desk.accepted(request)) == 1


def test_ids_never_used_before_never_collide(desk):
    requests = [desk.taking(quantity=D("0.01")) for _ in range(20)]
    answers = [
        desk.submit(replace(one, signed_at=datetime.now(UTC), send_by=time.monotonic() + 2))
        for one in requests
    ]
    assert all(isinstance(one, Accepted) for one in answers)
    assert len({one.venue_order_id for one in answers}) == len(requests)
    wait_a_second = desk.name is VenueName.COINBASE  # its limit is 30 requests a second
    time.sleep(1.0 if wait_a_second else 0.0)
    for request, answer in zip(requests, answers, strict=True):
        found = desk.venue.find_order(ref_of(request))
        assert found.venue_order_id == answer.venue_order_id


# --- canceling


def test_an_open_order_is_canceled_and_has_ended(desk):
    for is_venue_id_known in (True, False):
        request = desk.request()
        answer = desk.submit(request)
        ref = ref_of(request, answer.venue_order_id if is_venue_id_known else None)
        assert desk.venue.cancel(ref) is CancelAnswer.REQUESTED
        assert desk.venue.find_order(ref).status is OrderStatus.CANCELED
        desk.venue.cancel(ref)  # again does no harm, whatever it is answered
        assert desk.venue.find_order(ref).status is OrderStatus.CANCELED


def test_there_is_nothing_to_cancel_of_a_filled_or_an_unknown_order(desk):
    request = desk.taking()
    answer = desk.submit(request)
    assert desk.venue.cancel(ref_of(request, answer.venue_order_id)) is CancelAnswer.GONE
    assert desk.venue.cancel(ref_of(desk.request())) is CancelAnswer.GONE
    found = desk.venue.find_order(ref_of(request))
    assert found.status is OrderStatus.FILLED


# --- finding


def test_an_order_is_found_by_our_id_while_it_rests_and_after_it_ended(desk):
    request = desk.request()
    answer = desk.submit(request)
    for venue_order_id in (None, answer.venue_order_id):
        found = desk.venue.find_order(ref_of(request, venue_order_id))
        assert (found.client_order_id, found.status) == (request.client_order_id, OrderStatus.OPEN)
    desk.venue.cancel(ref_of(request))
    for venue_order_id in (None, answer.venue_order_id):
        found = desk.venue.find_order(ref_of(request, venue_order_id))
        assert found.status is OrderStatus.CANCELED
        assert found.filled_quantity == 0


def test_an_order_nobody_placed_is_clearly_not_there(desk):
    desk.somebody_else()
    request = desk.request()
    assert desk.venue.find_order(ref_of(request)) is None
    recent = desk.venue.recent_orders(desk.symbol, request.signed_at - MINUTE)
    assert request.client_order_id not in {one.client_order_id for one in recent}
    assert not desk.venue.fills(desk.symbol, request.signed_at - MINUTE, ref_of(request))


def test_another_endpoint_tells_of_the_same_orders(desk):
    requests = [
        desk.request(),
        desk.taking(),
        desk.request(symbol=desk.other),
        desk.request(order_type=OrderType.MARKET, limit_price=None, time_in_force=TimeInForce.IOC),
    ]
    for request in requests:
        assert isinstance(desk.submit(request), Accepted)
    canceled = desk.request(limit_price=D(89))
    desk.submit(canceled)
    desk.venue.cancel(ref_of(canceled))
    since = requests[0].signed_at - SECOND
    recent = {one.client_order_id: one for one in desk.venue.recent_orders(desk.symbol, since)}
    for request in (*requests, canceled):
        if request.symbol == desk.symbol:
            found = desk.venue.find_order(ref_of(request))
            told = recent[request.client_order_id]
            same = ("venue_order_id", "status", "filled_quantity", "quantity", "side", "order_type")
            for field in same:
                assert getattr(told, field) == getattr(found, field), field
        else:
            assert request.client_order_id not in recent
    later = datetime.now(UTC) + MINUTE
    assert not [
        one for one in desk.venue.recent_orders(desk.symbol, later) if one.status.is_terminal
    ]


def test_open_orders_are_those_of_everybody_on_the_account(desk):
    mine, other_book = desk.request(), desk.request(symbol=desk.other)
    for request in (mine, other_book, desk.taking()):
        assert isinstance(desk.submit(request), Accepted)
    desk.somebody_else()
    found = {one.client_order_id: one for one in desk.venue.open_orders()}
    assert set(found) == {
        mine.client_order_id, other_book.client_order_id, "somebody-else",
    }  # fmt: skip
    theirs = found["somebody-else"]
    assert (theirs.limit_price, theirs.quantity, theirs.status) == (D(80), D(1), OrderStatus.OPEN)
    assert {one.symbol for one in found.values()} == {desk.symbol, desk.other}
    if HAS_STOPS[desk.name]:
        stop = desk.request(
            order_type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=D(95), limit_price=D(94)
        )
        assert isinstance(desk.submit(stop), Accepted)
        waiting = {one.client_order_id for one in desk.venue.open_orders()}
        assert stop.client_order_id in waiting


def test_fills_are_told_all_of_one_order_and_since(desk):
    since = datetime.now(UTC) - SECOND
    first, second = desk.taking(quantity=D("0.2")), desk.taking(quantity=D("0.3"))
    first_answer = desk.submit(first)
    second_answer = desk.submit(second)
    desk.somebody_else(time_in_force=TimeInForce.IOC, limit_price=D(101), quantity=D("0.7"))
    desk.submit(desk.taking(symbol=desk.other))
    every = desk.venue.fills(desk.symbol, since)
    assert [one.filled_at for one in every] == sorted(one.filled_at for one in every)
    assert sum(one.quantity for one in every) == D("1.2")
    assert len({one.trade_id for one in every}) == len(every)
    assert {one.liquidity for one in every} == {Liquidity.TAKER}
    assert {one.symbol for one in every} == {desk.symbol}
    assert {one.side for one in every} == {Side.BUY}
    ours = {first_answer.venue_order_id, second_answer.venue_order_id}
    others = [one for one in every if one.venue_order_id not in ours]
    assert sum(one.quantity for one in others) == D("0.7")  # somebody else's too
    for request, answer in ((first, first_answer), (second, second_answer)):
        for venue_order_id in (None, answer.venue_order_id):
            ref = ref_of(request, venue_order_id)
            mine = desk.venue.fills(desk.symbol, since, ref)
            (real,) = desk.accepted(request)
            assert sum(one.quantity for one in mine) == request.quantity
            assert {one.venue_order_id for one in mine} == {answer.venue_order_id}
            assert {one.client_order_id for one in mine} == {request.client_order_id}
            fees = {(one.fee, one.fee_asset) for one in mine}
            assert fees == {(one.fee, one.fee_asset) for one in real.fills}
    assert not desk.venue.fills(desk.symbol, datetime.now(UTC) + MINUTE)


def test_more_orders_and_fills_than_one_page_are_all_told(desk):
    count = 105  # the smallest page of the three venues has 100 entries
    since = datetime.now(UTC) - SECOND
    for number in range(count):
        desk.somebody_else(
            f"many-{number}", time_in_force=TimeInForce.IOC, limit_price=D(101),
            quantity=D("0.01"),
        )  # fmt: skip
    recent = desk.venue.recent_orders(desk.symbol, since)
    assert {one.client_order_id for one in recent} == {f"many-{n}" for n in range(count)}
    fills = desk.venue.fills(desk.symbol, since)
    assert sum(one.quantity for one in fills) == count * D("0.01")


# --- dead man's switch


def test_a_dead_mans_orders_are_canceled_where_the_venue_does_that(name):
    clock = ManualClock()
    with desk_at(name, clock=clock) as desk:
        signed_at = desk.offset()
        request = desk.request(signed_at=signed_at)
        assert isinstance(desk.submit(request), Accepted)
        can = desk.venue.arm_dead_man(10, [desk.symbol])
        assert can is HAS_DEAD_MAN[desk.name]
        clock.go_on(8 * SECOND)
        desk.offset()
        desk.venue.arm_dead_man(10, [desk.symbol])  # alive
        clock.go_on(8 * SECOND)
        desk.offset()
        assert desk.venue.find_order(ref_of(request)).status is OrderStatus.OPEN
        clock.go_on(8 * SECOND)
        desk.offset()
        status = desk.venue.find_order(ref_of(request)).status
        assert status is (OrderStatus.CANCELED if can else OrderStatus.OPEN)


# --- clocks


@pytest.mark.parametrize("seconds", [-30, 30])
def test_every_request_is_dated_by_the_offset(desk, seconds):
    desk.sim.exchange.set_offset(seconds * SECOND)
    signed_at = desk.offset()
    assert abs(signed_at - datetime.now(UTC) - seconds * SECOND) < 2 * SECOND
    assert {one.asset for one in desk.venue.balances()} >= {desk.quote}
    request = desk.request(signed_at=signed_at)
    assert isinstance(desk.submit(request), Accepted)
    assert desk.venue.find_order(ref_of(request)).status is OrderStatus.OPEN
    assert request.client_order_id in {one.client_order_id for one in desk.venue.open_orders()}
    assert desk.venue.cancel(ref_of(request)) is CancelAnswer.REQUESTED


def test_a_clock_that_is_ahead_of_the_venues_is_said_to_be(desk):
    desk.sim.exchange.set_offset(-30 * SECOND)
    with pytest.raises(ClockSkewed):
        desk.venue.balances()
    assert isinstance(desk.submit(desk.request()), Refused)
    assert not desk.sim.oracle().orders


# --- limits


def test_a_spent_budget_sends_no_order_and_no_question_but_cancels(desk):
    resting = desk.request()
    answer = desk.submit(resting)
    desk.asked.clear()
    poor = desk.open(budget=SpentBudget(venue=desk.name))
    for question in (
        poor.balances, poor.open_orders, poor.rules, lambda: poor.find_order(ref_of(resting)),
        lambda: poor.fills(desk.symbol, resting.signed_at),
    ):  # fmt: skip
        with pytest.raises(RateLimited) as caught:
            question()
        assert caught.value.retry_after_seconds > 0
        assert not caught.value.is_banned
    assert isinstance(poor.submit(desk.request()), NotSent)
    assert not desk.asked
    assert poor.rate_use().used_ratio > 0.9
    ref = ref_of(resting, answer.venue_order_id)
    assert poor.cancel(ref) is CancelAnswer.REQUESTED
    assert desk.asked == {Operation.CANCEL: 1}


def test_a_cancel_by_our_id_alone_passes_a_spent_budget_too(desk):
    resting = desk.request()
    desk.submit(resting)
    poor = desk.open(budget=SpentBudget(venue=desk.name))
    assert poor.cancel(ref_of(resting)) is CancelAnswer.REQUESTED
    (real,) = desk.accepted(resting)
    assert real.state.is_over


@pytest.mark.parametrize(
    ("fault", "told", "waits"), [("rate_limited", 7, 7), ("rate_limited", None, 0.5), ("banned", 300, 300)]
)  # fmt: skip
def test_a_venue_that_wants_to_be_left_alone_is(desk, fault, told, waits):
    rule = {"fault": fault, "retry_after_seconds": told}
    desk.sim.plan([{"match": {"operation": "balances"}, "do": rule}])
    with pytest.raises(RateLimited) as caught:
        desk.venue.balances()
    assert caught.value.retry_after_seconds >= waits
    assert caught.value.is_banned is (fault == "banned")
    if told is not None:
        assert caught.value.retry_after_seconds == told
    desk.asked.clear()
    with pytest.raises(RateLimited):
        desk.venue.open_orders()
    assert isinstance(desk.submit(desk.request()), NotSent)
    assert not desk.asked  # the hold is everybody's
    use = desk.venue.rate_use()
    assert use.used_ratio == 1


@pytest.mark.parametrize(("fault", "code"), [("rate_limited", 429), ("banned", 418)])
def test_an_order_that_was_turned_away_at_the_door_is_refused(desk, fault, code):
    desk.sim.plan([{"match": {"operation": "create"}, "do": {"fault": fault}}])
    answer = desk.submit(desk.request())
    assert isinstance(answer, Refused), (code, answer)
    assert isinstance(desk.submit(desk.request()), NotSent)
    assert desk.asked[Operation.CREATE] == 1


# --- every question either comes or raises VenueError


def questions(desk, request):
    since = request.signed_at - MINUTE
    now = datetime.now(UTC)
    ref = ref_of(request)
    known = ref_of(request, VenueOrderId("1"))
    return {
        "server_time": desk.venue.server_time,
        "rules": desk.venue.rules,
        "top_of_book": lambda: desk.venue.top_of_book(desk.symbol),
        "candles": lambda: desk.venue.candles(desk.symbol, Interval.M1, now - 5 * MINUTE, now),
        "balances": desk.venue.balances,
        "fee_rates": lambda: desk.venue.fee_rates(desk.symbol),
        "key_permissions": desk.venue.key_permissions,
        "find_order": lambda: desk.venue.find_order(ref),
        "find_order_by_venue_id": lambda: desk.venue.find_order(known),
        "recent_orders": lambda: desk.venue.recent_orders(desk.symbol, since),
        "open_orders": desk.venue.open_orders,
        "fills": lambda: desk.venue.fills(desk.symbol, since),
        "fills_of_one": lambda: desk.venue.fills(desk.symbol, since, ref),
        "cancel": lambda: desk.venue.cancel(ref),
    }


@pytest.mark.parametrize(
    "do",
    [
        {"fault": "garbage"}, {"fault": "error_before"}, {"fault": "error_after", "status": 504},
        {"fault": "reset_before_request"}, {"fault": "reset_after_accept"},
        {"fault": "truncated_json"},
    ],
    ids=lambda do: do["fault"],
)  # fmt: skip
def test_a_question_that_is_not_answered_raises_and_nothing_is_taken_for_absent(desk, do):
    request = desk.request()
    assert isinstance(desk.submit(request), Accepted)
    desk.sim.plan([{"match": {"times": 0}, "do": do}])
    for name, question in questions(desk, request).items():
        desk.asked.clear()
        with pytest.raises(VenueAway):
            question()
        assert max(desk.asked.values()) == 1, name  # no adapter repeats anything by itself
    desk.sim.plan([])
    assert desk.venue.find_order(ref_of(request)) is not None


def test_reads_that_lag_do_not_make_an_order_absent_for_good(desk):
    desk.sim.plan([{"do": {"fault": "stale_reads", "seconds": 600}}])
    request = desk.request()
    assert isinstance(desk.submit(request), Accepted)
    desk.sim.plan([])
    assert desk.venue.find_order(ref_of(request)).status is OrderStatus.OPEN


# --- lanes and hints


def test_a_slow_question_holds_up_neither_an_order_nor_a_cancel(desk):
    request = desk.request()
    answer = desk.submit(request)
    slow = {"fault": "fill_before_ack", "seconds": 2}
    desk.sim.plan([{"match": {"operation": "balances"}, "do": slow}])
    asking = threading.Thread(target=desk.venue.balances)
    asking.start()
    time.sleep(0.1)
    started = time.monotonic()
    assert isinstance(desk.submit(desk.request()), Accepted)
    ref = ref_of(request, answer.venue_order_id)
    assert desk.venue.cancel(ref) is CancelAnswer.REQUESTED
    assert time.monotonic() - started < 1.5
    asking.join(5)


def test_the_private_stream_names_the_orders_to_look_at(desk):
    heard, stop = [], threading.Event()
    dialect = dialect_of(desk.name, desk.credentials())
    thread = threading.Thread(target=follow, args=(dialect, heard.append, stop))
    thread.start()
    try:
        wait(lambda: heard)
        request = desk.request()
        answer = desk.submit(request)
        wait(lambda: any(_is_about(hint, request, answer) for hint in heard))
        heard.clear()
        desk.venue.cancel(ref_of(request, answer.venue_order_id))
        wait(lambda: any(_is_about(hint, request, answer) for hint in heard))
    finally:
        stop.set()
        thread.join(10)


def _is_about(hint, request, answer):
    return isinstance(hint, OrderHint) and (
        hint.client_order_id == request.client_order_id
        or hint.venue_order_id == answer.venue_order_id
    )


def wait(condition, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
