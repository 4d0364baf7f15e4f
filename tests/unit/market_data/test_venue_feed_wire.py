"""Live candles over the wire of all three venues, from simulated exchanges, with faults."""

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from market_data import repository
from market_data.app import build
from market_data.core.live import last_close
from market_data.feeds.port import ClosedInstant, Later
from market_data.repository import Shelf
from market_data.settings import MarketDataSettings
from market_data.tables import crypto_prices
from market_data.tables import instruments as listed_instruments
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Interval
from shared.domain.values import plain
from shared.http.auth import HEADER
from shared.runtime.service import Runtime
from shared.runtime.settings import (
    ConfigurationError,
    MarketSettings,
    PlatformSettings,
    load,
)
from simulator.engine.clocks import ManualClock
from simulator.server import Hosting, running_simulator
from simulator.settings import ExchangeSettings, usual_listing
from simulator.wire.port import RateLimits
from venues.port import VenueName

SYMBOLS = ("BTC-USDT", "ETH-USDT")
MINUTE = timedelta(minutes=1)
KEYS = {scope: scope[0] * 40 for scope in ("read", "admin")}


class World:
    """A simulated exchange, and market_data on it in paper mode; both on a clock that tests move."""

    def __init__(self, venue, engine, folder, simulator, clock):
        self.venue, self.simulator, self.clock = venue, simulator, clock
        self.shelf = Shelf(venue=venue, interval=Interval.M1)
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        settings = load(
            PlatformSettings,
            trading_state_dir=folder,
            trading_mode="paper",
            trading_api_keys=keys,
            market=load(MarketSettings, venue=venue, interval="1m", instruments=SYMBOLS),
        )
        doorbell = InProcessDoorbell()
        self.runtime = Runtime(
            settings=settings,
            clock=clock,
            doorbell=doorbell,
            transactions=lambda producer: Transactions(engine, clock, doorbell, producer),
        )
        self.transactions = self.runtime.transactions("test")

    def build(self):
        url = self.simulator.url
        settings = load(MarketDataSettings, source="venue", venue_url=url, backfill_hours=0)
        return build(settings, self.runtime)

    def heard(self, closed_at):
        """Let candles be stored up to an instant already, as far as the feed knows."""
        with self.transactions.begin() as uow:
            repository.save_progress(uow.connection, self.shelf, "venue", closed_at)

    def edge(self):
        return last_close(self.clock.now(), Interval.M1)

    def follow(self, publisher, until, *, whys=None):
        """Publish what the feed gives until our clock reaches `until`; return the instants."""
        given = []
        for step in publisher.feed.instants(publisher._reached()):
            if isinstance(step, ClosedInstant):
                publisher.publish(step)
                given.append(step)
            elif any(word in (step.why or "") for word in ("used up", "told us to wait")):
                time.sleep(step.seconds)  # our own budget is one of the wall clock
            elif not self._waited(step, until, whys):
                return given
        raise AssertionError("a live feed never ends")

    def _waited(self, step: Later, until, whys):
        if step.why is not None and whys is not None:
            whys.append(step.why)
            time.sleep(min(step.seconds, 0.1))
        if self.clock.now() + timedelta(seconds=step.seconds) > until:
            return False
        self.clock.go_on(timedelta(seconds=step.seconds))
        return True


@contextmanager
def a_world(venue, engine, folder, **settings):
    clock = ManualClock()
    clock.go_on(timedelta(seconds=20))
    with running_simulator(
        venue,
        settings=ExchangeSettings(clock=clock, symbols=SYMBOLS, **settings),
        hosting=Hosting(limits=RateLimits(is_enforced=False)),
    ) as simulator:
        yield World(venue, engine, folder, simulator, clock)


@pytest.fixture(params=list(VenueName))
def world(request, sqlite_engine, tmp_path):
    with a_world(request.param, sqlite_engine, tmp_path) as found:
        yield found


@pytest.fixture
def one_world(sqlite_engine, tmp_path):
    with a_world("binance_us", sqlite_engine, tmp_path) as found:
        yield found


def publisher_of(service):
    return service.tasks[0].run.__self__


def instants(given):
    return [one.closed_at for one in given]


def same(candle):
    """Return a candle with its numbers in one form: a venue may write more zeros than another."""
    names = ("open", "high", "low", "close", "volume")
    return replace(candle, **{name: plain(getattr(candle, name)) for name in names})


def test_candles_arrive_as_the_exchange_made_them_and_never_an_open_one(world):
    publisher = publisher_of(world.build())
    first = world.edge() - 420 * MINUTE
    given = world.follow(publisher, world.clock.now() + 3 * MINUTE)
    assert instants(given) == [first + number * MINUTE for number in range(1, 424)]
    for place, symbol in enumerate(SYMBOLS):
        told = [same(one.candles[place]) for one in given]
        made = world.simulator.exchange.candles(
            symbol, Interval.M1, first, given[-1].candles[0].closed_at
        )
        assert told == [same(one) for one in made]
    with world.transactions.read() as connection:
        stored = repository.load_series(connection, world.shelf, "BTC-USDT")
    assert len(stored) == 423


def test_after_a_restart_it_goes_on_with_what_was_missed(world):
    world.heard(world.edge() - 2 * MINUTE)
    given = world.follow(publisher_of(world.build()), world.clock.now() + MINUTE)
    assert len(given) == 3
    world.clock.go_on(timedelta(minutes=60, seconds=5))
    again = world.follow(publisher_of(world.build()), world.clock.now() + MINUTE)
    assert again[0].closed_at == given[-1].closed_at + MINUTE
    assert instants(again) == [again[0].closed_at + number * MINUTE for number in range(61)]


FAULTS = (
    {"fault": "error_before", "status": 503},
    {"fault": "garbage"},
    {"fault": "truncated_json"},
    {"fault": "reset_before_request"},
    {"fault": "rate_limited", "retry_after_seconds": 1},
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
def test_whatever_the_venue_answers_is_said_and_no_candle_is_lost(one_world, fault):
    no_candle_is_lost(one_world, fault)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
def test_at_each_venue_every_fault_is_said_and_no_candle_is_lost(world, fault):
    no_candle_is_lost(world, fault)


def no_candle_is_lost(world, fault):
    world.heard(world.edge())
    publisher = publisher_of(world.build())
    before = world.edge()
    world.simulator.plan([{"match": {"operation": "candles", "times": 2}, "do": fault}])
    whys = []
    after = world.follow(publisher, world.clock.now() + 5 * MINUTE, whys=whys)
    assert whys
    assert all(why.startswith(str(world.venue)) for why in whys)
    assert instants(after) == [before + number * MINUTE for number in range(1, len(after) + 1)]
    assert len(after) >= 4
    assert all(len(one.candles) == 2 for one in after)


def test_a_venue_that_is_away_at_the_start_is_waited_for(one_world):
    one_world.simulator.plan([{"do": {"fault": "connect_refused", "seconds": 1.0}}])
    one_world.heard(one_world.edge() - 9 * MINUTE)
    publisher = publisher_of(one_world.build())
    whys = []
    given = one_world.follow(publisher, one_world.clock.now() + 5 * MINUTE, whys=whys)
    assert whys
    assert len(given) >= 9


def test_instruments_are_those_of_the_configuration_and_the_skew_is_measured(one_world):
    one_world.simulator.exchange.set_offset(timedelta(seconds=-20))
    service = one_world.build()
    one_world.heard(one_world.edge() - 5 * MINUTE)
    publisher = publisher_of(service)
    publisher._list_instruments()
    given = one_world.follow(publisher, one_world.clock.now() + MINUTE)
    assert given[-1].closed_at <= one_world.simulator.exchange.now()
    with one_world.transactions.read() as connection:
        rows = connection.execute(listed_instruments.select()).all()
    assert sorted(row.symbol for row in rows) == list(SYMBOLS)
    text = TestClient(service.api).get("/metrics").text
    assert 'venue_clock_skew_seconds{venue="binance_us"} -20.0' in text
    assert 'venue_request_seconds_count{operation="candles",outcome="ok"' in text


def test_rules_finer_than_the_venues_stop_the_start_with_both_values(sqlite_engine, tmp_path):
    coarse = replace(usual_listing("BTC-USDT"), lot_size=Decimal("0.001"), min_notional=Decimal(9))
    listings = {"BTC-USDT": coarse}
    with (
        a_world("kucoin", sqlite_engine, tmp_path, listings=listings) as world,
        pytest.raises(ConfigurationError) as refused,
    ):
        world.build()
    assert "BTC-USDT lot_size is 0.00001 here, 0.001 there" in refused.value.detail
    assert "BTC-USDT min_notional is 5 here, 9 there" in refused.value.detail
    assert "trading data rules" in refused.value.detail


def test_a_gap_is_fetched_on_request_and_by_an_admin_alone(one_world):
    one_world.heard(one_world.edge() - 30 * MINUTE)
    service = one_world.build()
    given = one_world.follow(publisher_of(service), one_world.clock.now() + MINUTE)
    lost = given[10:15] + given[20:21]
    with one_world.transactions.begin() as uow:
        uow.connection.execute(
            delete(crypto_prices).where(
                crypto_prices.c.symbol == "BTC-USDT",
                crypto_prices.c.open_at.in_([one.closed_at - MINUTE for one in lost]),
            )
        )
    client = TestClient(service.api, raise_server_exceptions=False)

    def post(key, **query):
        return client.post("/backfill", params=query, headers={HEADER: KEYS[key]})

    assert post("read", symbol="BTC-USDT").status_code == 403
    assert post("admin").status_code == 422
    assert post("admin", symbol="BTC-USDT").json() == {"gaps": 2, "inserted": 6, "missing": 0}
    assert post("admin", symbol="BTC-USDT").json() == {"gaps": 0, "inserted": 0, "missing": 0}
    with one_world.transactions.read() as connection:
        series = repository.load_series(connection, one_world.shelf, "BTC-USDT")
    assert len(series) == len(given)


def test_without_a_live_feed_no_package_of_a_venue_is_loaded():
    code = (
        "import sys, market_data.app\n"
        "print({'coinbase', 'binance', 'kucoin', 'requests'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
