"""The executor at a simulated venue where several things go wrong, or happen, at once."""

import time
from decimal import Decimal

import pytest

from shared.domain.enums import Side
from tests.venue_world import Trading, exchange, symbol_at

D = Decimal


@pytest.fixture(params=("coinbase", "binance_us", "kucoin"))
def sim(request):
    with exchange(request.param) as running:
        yield running


@pytest.fixture
def trading(sqlite_engine, sim):
    with Trading(sqlite_engine, sim) as running:
        yield running.ready()


def sold(trading):
    return [one for one in trading.fills() if one["side"] == "sell"]


def held(trading):
    return {row["decision_id"] for row in trading.rows() if row["is_held"]}


def has_stops(trading, number):
    if trading.venue == "kucoin":  # it has no stop orders: there a tick does it
        return True
    working = [row for row in trading.rows() if row["stop_price"] and row["status"] == "open"]
    return len(working) == number


def test_one_entry_leaves_at_its_target_while_the_stop_of_another_rests(trading, sim):
    first = trading.approve()
    trading.wait_status(first, "filled")
    sim.exchange.set_price(trading.symbol, D(101))
    time.sleep(2.6)  # until the old price is too old to claim with
    second = trading.approve(limit_price=D(102))
    trading.wait_status(second, "filled")
    trading.wait(lambda: has_stops(trading, 2))
    sim.exchange.set_price(trading.symbol, D("102.5"))  # the target of the first alone
    trading.wait(lambda: held(trading) == {second}, 12)
    assert sum(one["quantity"] for one in sold(trading)) == pytest.approx(D("0.5"), abs=D("0.001"))


def test_what_was_sold_already_is_not_sold_again_out_of_the_persons_own_coins(trading, sim):
    sim.exchange.deposit("main", "BTC", D(5))
    trading.wait_status(trading.approve(), "filled")
    sim.exchange.set_price(trading.symbol, D(97))
    trading.wait(lambda: not held(trading), 20)
    late = trading.approve(Side.SELL, limit_price=D(90))
    row = trading.wait_status(late, "not_sent", "filled", "rejected", "expired")
    assert row["status"] == "not_sent", row
    assert sum(one["quantity"] for one in sold(trading)) == pytest.approx(D("0.5"), abs=D("0.001"))


def test_an_instrument_that_the_venue_no_longer_lists_stops_only_itself(sqlite_engine, sim):
    trading = Trading(sqlite_engine, sim)
    market = trading.platform_settings.market
    listed = market.model_copy(
        update={"instruments": (*market.instruments, symbol_at(sim.venue, "GONE"))}
    )
    trading.platform_settings = trading.platform_settings.model_copy(update={"market": listed})
    with trading:
        trading.ready()
        trading.wait_status(trading.approve(), "filled")
