"""The feeds, and their publisher in lockstep on real databases."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from market_data import repository
from market_data.feeds.replay import ReplayFeed
from market_data.feeds.synthetic import HISTORY_CANDLES, SyntheticFeed, SyntheticMarket
from market_data.repository import Shelf
from market_data.tables import crypto_prices
from market_data.tasks import Freshness, Pace, Publisher, store_series
from shared.bus.consumer import Consumer, is_idle
from shared.domain.enums import Interval
from shared.runtime.service import new_metrics
from shared.runtime.settings import MarketSettings, load

START = datetime(2024, 1, 1, tzinfo=UTC)
MARKET = load(MarketSettings)
SHELF = Shelf(venue="synthetic", interval=Interval.H1)


def market(seed=7):
    return SyntheticMarket(
        instruments=MARKET.catalogue(), interval=Interval.H1, seed=seed, start=START
    )


def publisher(transactions, feed, *, wait_for=()):
    return Publisher(
        feed=feed, shelf=SHELF, instruments=MARKET.catalogue(), transactions=transactions,
        metrics=new_metrics(), pace=Pace(candles_per_second=0, fast_forward=0, wait_for=wait_for),
    )  # fmt: skip


def test_the_stream_continues_the_history_exactly():
    longer = market().history(HISTORY_CANDLES + 1500)
    streamed = list(SyntheticFeed(market(), 1500).instants(None))
    assert streamed[0].closed_at == START + timedelta(hours=1)
    for place, symbol in enumerate(MARKET.symbols):
        closes = [float(instant.candles[place].close) for instant in streamed]
        assert np.array_equal(closes, longer[symbol].ohlcv[HISTORY_CANDLES:, 3])


def test_a_seed_is_a_market_and_an_instrument_is_the_same_in_any_company():
    alone = SyntheticMarket(
        instruments=MARKET.catalogue()[:1], interval=Interval.H1, seed=7, start=START
    )
    first = MARKET.symbols[0]
    assert np.array_equal(alone.history(100)[first].ohlcv, market().history(100)[first].ohlcv)
    assert not np.array_equal(
        market(8).history(100)[first].ohlcv, market().history(100)[first].ohlcv
    )


def test_synthetic_candles_are_consistent_on_tick_and_correlated():
    history = market().history()
    returns = []
    for instrument in MARKET.catalogue():
        open_, high, low, close, volume = history[instrument.symbol].ohlcv.T
        assert (high >= np.maximum(open_, close)).all()
        assert (low <= np.minimum(open_, close)).all()
        assert (low > 0).all()
        assert (volume >= 0).all()
        ticks = close / float(instrument.tick_size)
        assert np.allclose(ticks, np.round(ticks), atol=1e-4)
        returns.append(np.diff(np.log(close)))
    assert np.corrcoef(returns)[np.triu_indices(len(returns), 1)].min() > 0.2


def test_a_feed_resumes_after_the_instant_it_is_told():
    whole = list(SyntheticFeed(market(), 30).instants(None))
    assert list(SyntheticFeed(market(), 30).instants(whole[9].closed_at)) == whole[10:]


def test_a_replay_leaves_out_what_an_instrument_did_not_have():
    history = market().history(5)
    btc, eth = history["BTC-USDT"], history["ETH-USDT"]
    late = eth.between(datetime.fromtimestamp(int(eth.open_at[2]), UTC), None)
    instants = list(ReplayFeed([btc, late]).instants(None))
    assert [len(instant.candles) for instant in instants] == [1, 1, 2, 2, 2]
    assert instants[3].candles[0] == btc.candle(3)


def test_the_publisher_waits_until_everybody_has_handled_the_instant_before(transactions):
    handled, stop = [], threading.Event()
    consumer = Consumer(
        "risk",
        transactions,
        {"candles.closed": lambda batch, _uow: handled.append(len(batch))},
        0.01,
    )
    consumer.subscribe()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    publisher(transactions, SyntheticFeed(market(), 12)).run(stop)
    while not is_idle(transactions):
        stop.wait(0.01)
    stop.set()
    thread.join()
    assert handled == [1] * 12
    with transactions.read() as connection:
        assert (
            connection.execute(select(func.count()).select_from(crypto_prices)).scalar_one() == 48
        )


def test_a_restarted_publisher_goes_on_where_it_stopped_and_doubles_nothing(transactions):
    heard = []
    consumer = Consumer(
        "risk", transactions, {"candles.closed": lambda batch, _uow: heard.extend(batch)}, 0.01
    )
    consumer.subscribe()

    def drain():
        while consumer.handle_waiting():
            pass

    for limit in (3, 3, 5):
        stop = threading.Event()
        thread = threading.Thread(
            target=lambda stop=stop: [drain() or stop.wait(0.001) for _ in iter(stop.is_set, True)]
        )
        thread.start()
        publisher(transactions, SyntheticFeed(market(), limit)).run(stop)
        stop.set()
        thread.join()
        drain()
    assert [fact.event.closed_at.hour for fact in heard] == [1, 2, 3, 4, 5]
    assert heard[0].event.references[0].symbol == "BTC-USDT"


def test_the_first_candle_waits_for_the_services_it_is_meant_for(transactions):
    stop = threading.Event()
    waiting = publisher(transactions, SyntheticFeed(market(), 1), wait_for=("risk",))
    thread = threading.Thread(target=waiting.run, args=(stop,))
    thread.start()
    while waiting.problem() is None:
        stop.wait(0.01)
    assert waiting.problem() == "waiting for risk to start"
    Consumer("risk", transactions, {"equity.marked": lambda *_: None}, 0.01).subscribe()
    thread.join(10)
    assert not thread.is_alive()


def test_importing_again_changes_nothing_and_a_restated_candle_is_counted_and_left(transactions):
    series = market().history(300)["BTC-USDT"]
    nothing = lambda _done, _total: None  # noqa: E731
    first = store_series(transactions, SHELF, "file", series, nothing)
    again = store_series(transactions, SHELF, "file", series, nothing)
    assert (first.inserted, again.inserted, again.restated) == (300, 0, 0)
    changed = series.ohlcv.copy()
    changed[7, 3] += 0.01
    restated = store_series(transactions, SHELF, "file", replace(series, ohlcv=changed), nothing)
    assert (restated.inserted, restated.restated) == (0, 1)
    with transactions.read() as connection:
        loaded = repository.load_series(connection, SHELF, "BTC-USDT")
    assert np.array_equal(loaded.ohlcv, series.ohlcv)
    assert np.array_equal(loaded.open_at, series.open_at)


def without(series, *removed):
    keep = np.ones(len(series), dtype=bool)
    for one in removed:
        keep[one] = False
    return replace(
        series,
        open_at=series.open_at[keep],
        ohlcv=series.ohlcv[keep],
        is_filled=series.is_filled[keep],
    )


@pytest.mark.parametrize("chunk", [10_000, 7, 2])
def test_missing_candles_are_listed_as_gaps_page_by_page(transactions, monkeypatch, chunk):
    monkeypatch.setattr("market_data.repository.extent._GAP_CHUNK", chunk)
    series = market().history(200)["BTC-USDT"]
    removed = [slice(5, 9), slice(100, 101), slice(150, 170)]
    store_series(transactions, SHELF, "file", without(series, *removed), lambda *_: None)
    wanted = [(series.open_at[one.start], one.stop - one.start) for one in removed]
    with transactions.read() as connection:
        everything = repository.gaps(connection, SHELF, "BTC-USDT", None, 10)
        first = repository.gaps(connection, SHELF, "BTC-USDT", None, 2)
        rest = repository.gaps(connection, SHELF, "BTC-USDT", everything[2].after, 2)
    assert [(one.first_open_at.timestamp(), one.candles) for one in everything] == wanted
    assert (first, rest) == (everything[:2], everything[2:])


def test_coverage_counts_candles_and_those_that_were_bridged(transactions):
    series = market().history(20)["BTC-USDT"]
    is_filled = np.zeros(20, dtype=bool)
    is_filled[[3, 4, 9]] = True
    store_series(transactions, SHELF, "file", replace(series, is_filled=is_filled), lambda *_: None)
    with transactions.read() as connection:
        (row,) = repository.coverage(connection, SHELF)
    assert (row.symbol, row.candles, row.bridged) == ("BTC-USDT", 20, 3)
    assert type(row.bridged) is not bool
    assert row.first_open_at.timestamp() == series.open_at[0]
    assert row.last_open_at.timestamp() == series.open_at[-1]


def gaps_counted(one):
    return one.metrics.registry.get_sample_value("candle_gaps_total")


def published(transactions, series, *, upto=None):
    """Publish what a store or file had, and return the publisher."""
    one = publisher(transactions, ReplayFeed([series.between(None, upto)]))
    one.run(threading.Event())
    return one


def test_gaps_are_counted_bridged_or_missing_and_also_across_a_restart(transactions):
    series = market().history(40)["BTC-USDT"]
    is_filled = np.zeros(40, dtype=bool)
    is_filled[[3, 4]] = True
    holed = without(replace(series, is_filled=is_filled), slice(10, 16), slice(25, 28))
    until = datetime.fromtimestamp(int(series.open_at[25]), UTC)
    assert gaps_counted(published(transactions, holed, upto=until)) == 2 + 6
    assert gaps_counted(published(transactions, holed)) == 3


def test_the_age_of_the_newest_candle_grows_while_none_comes(transactions, monkeypatch):
    series = market().history(10)["BTC-USDT"]
    one = published(transactions, series)
    watch = Freshness(
        shelf=SHELF, symbols=MARKET.symbols, transactions=transactions, metrics=one.metrics
    )
    last = datetime.fromtimestamp(int(series.closed_at[-1]), UTC)

    def age(now):
        transactions.clock.observe(now)
        watch.measure()
        labels = {"venue": "synthetic", "symbol": "BTC-USDT"}
        return one.metrics.registry.get_sample_value("candle_age_seconds", labels)

    assert age(last) == 0
    assert age(last + timedelta(seconds=90)) == 90
    with monkeypatch.context() as away:
        away.setattr(repository, "newest", _fails)
        assert age(last + timedelta(hours=2)) == 7200
    assert age(last + timedelta(hours=3)) == 3 * 3600


def _fails(*_):
    raise OperationalError("SELECT 1", {}, Exception("gone"))


def test_candles_that_a_replay_has_still_to_reach_have_no_age(transactions):
    series = market().history(10)["BTC-USDT"]
    published(
        transactions, series.between(None, datetime.fromtimestamp(int(series.closed_at[2]), UTC))
    )
    store_series(transactions, SHELF, "file", series, lambda *_: None)
    reached = datetime.fromtimestamp(int(series.closed_at[2]), UTC)
    with transactions.read() as connection:
        found = repository.newest(connection, SHELF, MARKET.symbols, reached + timedelta(minutes=5))
    assert found == {"BTC-USDT": reached}
