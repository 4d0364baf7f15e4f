"""One database, one market: candles of another feed are refused before they are published."""

from datetime import UTC, datetime, timedelta

import pytest

from market_data import repository
from market_data.app import build, synthetic_market
from market_data.feeds.replay import ReplayFeed
from market_data.feeds.synthetic import SyntheticFeed
from market_data.repository import Shelf
from market_data.settings import MarketDataSettings
from market_data.tables import feed_progress
from market_data.tasks import announce
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress
from shared.domain.clock import FollowingClock
from shared.domain.enums import Interval
from shared.runtime.one_market import refuse_another_market
from shared.runtime.service import Runtime
from shared.runtime.settings import (
    ConfigurationError,
    MarketSettings,
    PlatformSettings,
    load,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
SYNTHETIC = Shelf(venue="synthetic", interval=Interval.H1)


@pytest.fixture
def runtime(engine, database_address: DatabaseAddress, tmp_path):
    def with_market(state="state", **market):
        host = database_address.host
        settings = load(
            PlatformSettings,
            trading_state_dir=tmp_path / state,
            market=load(MarketSettings, **market),
            **({} if host is None else {"db_host": host}),
        )
        clock, doorbell = FollowingClock(), InProcessDoorbell()
        return Runtime(
            settings=settings,
            clock=clock,
            doorbell=doorbell,
            transactions=lambda producer: Transactions(engine, clock, doorbell, producer),
        )

    return with_market


def heard(transactions, shelf, source, hours=5):
    with transactions.begin() as uow:
        repository.save_progress(uow.connection, shelf, source, START + timedelta(hours=hours))


def feed_of(runtime, **settings):
    service = build(load(MarketDataSettings, **settings), runtime)
    return service.tasks[0].run.__self__.feed


def invented_market(runtime):
    return synthetic_market(load(MarketDataSettings), runtime.settings.market)


@pytest.mark.parametrize(
    ("market", "source"),
    [
        ({"venue": "binance"}, "replay"),
        ({"interval": "1m"}, "synthetic"),
        ({}, "replay"),
    ],
)
def test_candles_of_another_venue_interval_or_source_are_refused_with_the_remedy(
    runtime, transactions, database_address, market, source
):
    heard(transactions, SYNTHETIC, "synthetic")
    remedy = "TRADING_STATE_DIR=var/" if database_address.is_embedded else "DB_HOST"
    with pytest.raises(ConfigurationError, match=remedy) as refusal:
        build(load(MarketDataSettings, source=source), runtime(**market))
    assert "synthetic 1h candles of venue 'synthetic' up to 2024-01-01 05:00" in (
        refusal.value.detail
    )


def test_the_same_feed_goes_on_where_it_stopped(runtime, transactions):
    heard(transactions, SYNTHETIC, "synthetic")
    feed = feed_of(runtime(), limit=7)
    assert isinstance(feed, SyntheticFeed)
    with transactions.read() as connection:
        reached = repository.progress(connection, SYNTHETIC)
    assert [one.closed_at.hour for one in feed.instants(reached)] == [6, 7]


def test_a_replay_of_what_was_heard_goes_on_and_never_back(runtime, transactions):
    market = runtime(venue="binance", instruments="BTC-USDT")
    shelf = Shelf(venue="binance", interval=Interval.H1)
    invented = SyntheticFeed(invented_market(market), limit=8)
    candles = [candle for one in invented.instants(None) for candle in one.candles]
    with transactions.begin() as uow:
        repository.save(uow.connection, shelf, "file", candles)
    heard(transactions, shelf, "replay")
    feed = feed_of(market, source="replay", start=START)
    assert isinstance(feed, ReplayFeed)
    with transactions.read() as connection:
        reached = repository.progress(connection, shelf)
    assert [one.closed_at.hour for one in feed.instants(reached)] == [6, 7, 8]


@pytest.mark.parametrize("database_address", ["sqlite"], indirect=True)
def test_the_remedy_never_names_the_directory_in_use(runtime, transactions):
    heard(transactions, Shelf(venue="binance", interval=Interval.H1), "replay")
    inside = runtime(venue="binance", interval="4h", state="binance")
    with pytest.raises(ConfigurationError, match="TRADING_STATE_DIR=var/binance-2"):
        build(load(MarketDataSettings, source="replay"), inside)


def test_invented_candles_are_not_kept_under_the_name_of_a_real_venue(runtime, transactions):
    with pytest.raises(ConfigurationError, match="MARKET_DATA__SOURCE=replay"):
        build(load(MarketDataSettings), runtime(venue="binance"))
    with transactions.read() as connection:
        assert connection.execute(feed_progress.select()).all() == []


def test_no_service_starts_on_the_books_of_another_market(runtime, transactions):
    refuse_another_market(runtime(venue="binance"))
    feed = SyntheticFeed(invented_market(runtime()), limit=1)
    (instant,) = feed.instants(None)
    with transactions.begin() as uow:
        for fact in announce(instant, SYNTHETIC, runtime().settings.market.symbols):
            uow.emit(fact)
    refuse_another_market(runtime())
    for market in ({"venue": "binance"}, {"interval": "4h"}):
        with pytest.raises(ConfigurationError, match="books of 1h candles of venue 'synthetic'"):
            refuse_another_market(runtime(**market))
