"""What is remembered of the tapes says what the tapes say, whatever becomes of them."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.core.market import markets_of
from risk.core.tape import KEPT, Tape, follow
from risk.repository.market import Shelf, load_tapes, save_tapes
from risk.repository.tape_cache import TapeCache
from shared.domain.enums import Interval
from tests.builders import CANDLE

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
SHELF = Shelf(venue="synthetic", interval=Interval.H1)
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")


@contextmanager
def undone(engine):
    """A transaction that is rolled back at its end."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def fresh(connection, symbols, shelf=SHELF):
    tapes = load_tapes(connection, shelf, symbols)
    return markets_of(tapes.values(), shelf.interval.delta)


def assert_as_fresh(cache, connection, symbols, shelf=SHELF):
    assert cache.markets(connection, shelf, symbols) == fresh(connection, symbols, shelf)


def tape(symbol, seed, closed_at=START, price="100"):
    moves = np.random.default_rng(seed).normal(0, 0.01, KEPT)
    closes = tuple((100 * np.cumprod(1 + moves)).tolist())
    return Tape(
        symbol=symbol, closed_at=closed_at, closes=closes, price=Decimal(price), traded_at=closed_at
    )


def tapes(seed=0, **changes):
    return [tape(symbol, seed + place, **changes) for place, symbol in enumerate(SYMBOLS)]


# of one hour: who had a candle, whether anybody traded in it, and by how much it moved
_candles = st.dictionaries(
    st.sampled_from(SYMBOLS), st.tuples(st.booleans(), st.integers(-9, 9)), max_size=4
)
_corrections = st.tuples(st.sampled_from(SYMBOLS), st.integers(0, KEPT), st.integers(1, 9))
_looks = st.sets(st.sampled_from(SYMBOLS), max_size=4)
_OF_ALL: dict[int, TapeCache] = {}  # one for all examples
_steps = st.lists(st.one_of(_candles, _corrections, _looks.map(frozenset)), max_size=25)


def _hear(connection, told, closed_at):
    known = load_tapes(connection, SHELF, told)
    followed = [
        follow(
            known.get(symbol),
            replace(
                CANDLE, symbol=symbol, open_at=closed_at - HOUR, close=Decimal(100 + move),
                is_filled=is_filled,
            ),
            HOUR,
        )
        for symbol, (is_filled, move) in told.items()
    ]  # fmt: skip
    save_tapes(connection, SHELF, [one for one in followed if one is not None])


def _correct(connection, symbol, place, added):
    """Write a tape anew that differs in one close and nothing else."""
    for one in load_tapes(connection, SHELF, [symbol]).values():
        closes = list(one.closes)
        closes[place % len(closes)] += added
        save_tapes(connection, SHELF, [replace(one, closes=closes)])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(is_long=st.booleans(), steps=_steps)
def test_whatever_is_heard_corrected_and_rolled_back_it_says_what_is_read_anew(
    sqlite_engine, is_long, steps
):
    cache = _OF_ALL.setdefault(id(sqlite_engine), TapeCache())
    with undone(sqlite_engine) as connection:
        if is_long:
            save_tapes(connection, SHELF, tapes())
        for hour, step in enumerate(steps, 1):
            if isinstance(step, dict):
                _hear(connection, step, START + hour * HOUR)
            elif isinstance(step, tuple):
                _correct(connection, *step)
            looked_at = step if isinstance(step, frozenset) else SYMBOLS
            assert_as_fresh(cache, connection, looked_at)
            assert_as_fresh(TapeCache(), connection, looked_at)


def test_a_tape_written_anew_at_the_same_instant_and_price_is_seen(engine):
    cache = TapeCache()
    with undone(engine) as connection:
        save_tapes(connection, SHELF, tapes())
        before = cache.markets(connection, SHELF, SYMBOLS)
        save_tapes(connection, SHELF, tapes(seed=9))
        assert_as_fresh(cache, connection, SYMBOLS)
        assert cache.markets(connection, SHELF, SYMBOLS) != before


def test_what_was_rolled_back_is_not_remembered(engine):
    cache = TapeCache()
    with engine.begin() as connection:
        save_tapes(connection, SHELF, tapes())
        before = cache.markets(connection, SHELF, SYMBOLS)
    with undone(engine) as connection:
        save_tapes(connection, SHELF, tapes(seed=5))
        assert cache.markets(connection, SHELF, SYMBOLS) != before
    with engine.connect() as connection:
        assert cache.markets(connection, SHELF, SYMBOLS) == before
        assert_as_fresh(cache, connection, SYMBOLS)


def test_the_same_tapes_of_another_venue_or_interval_are_not_taken_for_these(engine):
    cache = TapeCache()
    one, other = tapes()[0], tape(SYMBOLS[1], 7, closed_at=START - HOUR)
    shelves = (
        SHELF,
        Shelf(venue="synthetic", interval=Interval.M15),
        Shelf(venue="kucoin", interval=Interval.H1),
    )
    with undone(engine) as connection:
        for shelf in shelves[:2]:
            save_tapes(connection, shelf, [one, other])
        found = [cache.markets(connection, shelf, SYMBOLS) for shelf in shelves]
        assert found == [fresh(connection, SYMBOLS, shelf) for shelf in shelves]
        assert found[0].correlations != found[1].correlations
        assert not found[2].by_symbol


def test_what_is_unchanged_is_worked_out_once_and_only_a_few_sets_are_remembered(sqlite_engine):
    cache = TapeCache()
    with undone(sqlite_engine) as connection:
        save_tapes(connection, SHELF, tapes())
        first = cache.markets(connection, SHELF, SYMBOLS)
        assert cache.markets(connection, SHELF, SYMBOLS[::-1]) is first
        remembered = weakref.ref(first.correlations)
        del first
        for pair in combinations(SYMBOLS, 2):
            cache.markets(connection, SHELF, pair)
        assert remembered() is None


def test_threads_that_share_it_each_see_what_their_own_transaction_says(engine):
    cache = TapeCache()
    sets = [some for count in (1, 2, 3, 4) for some in combinations(SYMBOLS, count)]
    with engine.begin() as connection:
        save_tapes(connection, SHELF, tapes())
        said = [fresh(connection, some) for some in sets]

    def look(seed):
        with engine.connect() as connection:
            for place in np.random.default_rng(seed).integers(0, len(sets), 60).tolist():
                assert cache.markets(connection, SHELF, sets[place]) == said[place]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(look, range(6)))
