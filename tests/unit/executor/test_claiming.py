"""What may be sent, when, and in which steps of the venue."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from executor.core.claiming import (
    Ceilings,
    Lapse,
    Ready,
    Signing,
    Situation,
    Wait,
    decide,
    request_of,
)
from shared.domain.enums import OrderType, Purpose, Side, TimeInForce, TradingState
from shared.domain.venue import TopOfBook, TradingRules
from tests.builders import BTC
from tests.unit.executor.executor_builders import INSTRUMENT, order

D = Decimal
RULES = TradingRules(
    instrument=INSTRUMENT,
    venue_symbol="BTCUSDT",
    min_quantity=D("0.001"),
    max_quantity=D(100),
    max_notional=None,
    market_lot_size=None,
    is_trading=True,
    is_limit_only=False,
    is_post_only=False,
    is_cancel_only=False,
    order_types=frozenset(OrderType),
    time_in_forces=frozenset(TimeInForce),
)
ENTRY = order()
EXIT = order(side=Side.SELL, hour=1)
NOW = ENTRY.decided_at + timedelta(seconds=3)
QUOTE = TopOfBook(
    symbol=BTC, bid=D("99.99"), bid_quantity=D(5), ask=D("100.01"), ask_quantity=D(5), at=NOW
)
CALM = Situation(state=TradingState.RUN, now=NOW, sent_last_minute=0, quote=QUOTE, rules=RULES)
CEILINGS = Ceilings(
    max_order_notional=D(1000),
    max_orders_per_minute=5,
    max_quote_age=timedelta(seconds=5),
    collar_ratio=D("0.01"),
)


def decided(wanted=ENTRY, ceilings=CEILINGS, **situation):
    return decide(wanted, replace(CALM, **situation), ceilings)


def test_an_order_that_may_be_sent_is_asked_for_as_approved():
    assert decided() == Ready(
        quantity=D(1), limit_price=D(101), stop_price=None, time_in_force=TimeInForce.IOC,
        good_until=None, reference_price=D("100.01"),
    )  # fmt: skip


LAPSES = {
    "trading is halted": {"state": TradingState.HALT},
    "only exits are allowed": {"state": TradingState.REDUCE},
    "the approval expired": {"now": ENTRY.expires_at},
    "is frozen": {"frozen": "an order was found"},
    "is not trading": {"rules": replace(RULES, is_trading=False)},
    "takes only orders that rest": {"rules": replace(RULES, is_post_only=True)},
    "has no limit orders": {"rules": replace(RULES, order_types=frozenset({OrderType.MARKET}))},
    "has no ioc orders": {"rules": replace(RULES, time_in_forces=frozenset({TimeInForce.GTC}))},
    "is below 2": {"rules": replace(RULES, min_quantity=D(2))},
    "is above 0.5": {"rules": replace(RULES, max_quantity=D("0.5"))},
    "is below 500": {"rules": replace(RULES, instrument=replace(INSTRUMENT, min_notional=D(500)))},
}


@pytest.mark.parametrize("words", LAPSES)
def test_an_entry_that_can_never_be_sent_lapses_and_says_why(words):
    found = decided(**LAPSES[words])
    assert isinstance(found, Lapse)
    assert words in found.reason


WAITS = {
    "the lease": {"doubt": "this executor does not hold the lease"},
    "the venue's rules": {"rules": None},
    "no fresh price": {"quote": None},
    "no fresh price of": {"quote": replace(QUOTE, at=NOW - timedelta(seconds=6))},
    "still being canceled": {"is_locked_up": True},
    "within a minute": {"sent_last_minute": 5},
}


@pytest.mark.parametrize("words", WAITS)
def test_an_entry_waits_for_what_may_still_come(words):
    found = decided(**WAITS[words])
    assert isinstance(found, Wait)
    assert words in found.reason


def test_halting_stops_everything_and_reducing_lets_exits_pass():
    at = EXIT.decided_at + timedelta(seconds=1)
    fresh = replace(QUOTE, at=at)
    reduced = decided(EXIT, state=TradingState.REDUCE, now=at, quote=fresh, frozen="a surprise")
    assert isinstance(reduced, Ready)
    assert isinstance(decided(EXIT, state=TradingState.HALT, now=at, quote=fresh), Lapse)


def test_exits_are_not_counted_against_the_entries_of_a_minute():
    at = EXIT.decided_at + timedelta(seconds=1)
    found = decided(EXIT, now=at, quote=replace(QUOTE, at=at), sent_last_minute=500)
    assert isinstance(found, Ready)


def test_an_entry_above_the_executors_own_ceiling_lapses():
    found = decided(ceilings=replace(CEILINGS, max_order_notional=D(50)))
    assert isinstance(found, Lapse)
    assert "above the executor's 50" in found.reason


def test_the_price_is_never_worse_than_approved_nor_far_from_the_market():
    far = replace(ENTRY, limit_price=D(150))
    assert decided(far).limit_price == D("101.01")  # 1 % above the ask, down to a tick
    near = replace(ENTRY, limit_price=D("100.005"))
    assert decided(near).limit_price == D(100)


def test_a_sale_is_collared_from_below_and_rounded_up():
    at = EXIT.decided_at + timedelta(seconds=1)
    found = decided(replace(EXIT, limit_price=D(1)), now=at, quote=replace(QUOTE, at=at))
    assert found.limit_price == D("99.00")


def test_the_quantity_is_whole_lots_and_never_more():
    assert decided(replace(ENTRY, quantity=D("1.0009"))).quantity == D("1.000")


def test_a_market_order_uses_its_own_lot_and_no_price():
    market = replace(ENTRY, order_type=OrderType.MARKET, quantity=D("1.27"))
    found = decided(market, rules=replace(RULES, market_lot_size=D("0.1")))
    assert (found.quantity, found.limit_price) == (D("1.2"), None)


def test_a_stop_keeps_its_prices_whatever_the_market_is_now():
    stop = replace(
        EXIT, order_type=OrderType.STOP_LIMIT, time_in_force=TimeInForce.GTC,
        stop_price=D("80.004"), limit_price=D("79.204"),
    )  # fmt: skip
    at = EXIT.decided_at + timedelta(seconds=1)
    found = decided(stop, now=at, quote=replace(QUOTE, at=at))
    assert (found.stop_price, found.limit_price) == (D("80.01"), D("79.21"))


def test_a_resting_entry_gets_an_end_that_the_venue_keeps():
    waiting = replace(ENTRY, time_in_force=TimeInForce.GTC)
    found = decided(waiting)
    assert (found.time_in_force, found.good_until) == (TimeInForce.GTD, ENTRY.horizon_at)
    without = replace(RULES, time_in_forces=frozenset({TimeInForce.GTC, TimeInForce.IOC}))
    assert decided(waiting, rules=without).time_in_force is TimeInForce.GTC


def test_the_request_says_what_was_decided_and_carries_the_claims_date():
    signing = Signing(signed_at=NOW, window=timedelta(seconds=5), send_by=7.0)
    request = request_of(ENTRY, decided(), signing)
    assert (request.quantity, request.limit_price) == (D(1), D(101))
    assert (request.signed_at, request.send_by) == (NOW, 7.0)
    assert request.client_order_id == ENTRY.client_order_id
    assert ENTRY.purpose is Purpose.ENTRY
