"""Live candles from a venue: the past, then the present, through outages, never twice, never open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market_data.core.live import disagreements, fault_of, first_wanted, last_close
from market_data.feeds.port import ClosedInstant, Later
from market_data.feeds.venue import Rhythm, VenueFeed, VenueTime
from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.instrument import Instrument
from shared.domain.venue import TradingRules
from venues.errors import RateLimited, VenueAway

START = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SYMBOLS = ("BTC-USD", "ETH-USD")


def a_candle(symbol, open_at, interval=Interval.M1, **changes):
    price = Decimal(100 + int(open_at.timestamp()) % 7)
    whole = Candle(
        symbol=symbol, open_at=open_at, closed_at=open_at + interval.delta, open=price,
        high=price + 1, low=price - 1, close=price, volume=Decimal(3),
    )  # fmt: skip
    return replace(whole, **changes)


class SteadyClock:
    def __init__(self):
        self.instant = START

    def now(self):
        return self.instant

    def observe(self, instant):
        del instant

    def go_on(self, **by):
        self.instant += timedelta(**by)


class StandInVenue:
    """A market that trades every minute, told as a venue's port tells it.

    Its clock is `ahead` of ours; each candle is there `lag` after its close; `quiet` instruments
    do not trade; what it is asked is kept in `asked`; `trouble` is raised instead of an answer.
    """

    name = "coinbase"

    def __init__(self, clock):
        self.clock = clock
        self.ahead = timedelta(0)
        self.lag = timedelta(milliseconds=300)
        self.quiet = set()
        self.trouble = None
        self.tells_open_candles = False
        self.bad = {}
        self.asked = []
        self.offset = None

    def now(self):
        return self.clock.now() + self.ahead

    def server_time(self):
        self._refuse()
        return self.now()

    def set_offset(self, offset):
        self.offset = offset

    def candles(self, symbol, interval, start, end):
        self._refuse()
        self.asked.append((symbol, start, end))
        until = self.now() if self.tells_open_candles else self.now() - self.lag - interval.delta
        at = last_close(start, interval)
        found = []
        while at < min(end + 5 * interval.delta if self.tells_open_candles else end, until):
            if symbol not in self.quiet and (symbol, at) not in self.quiet:
                found.append(replace(a_candle(symbol, at, interval), **self.bad.get(at, {})))
            at += interval.delta
        return found

    def _refuse(self):
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def clock():
    return SteadyClock()


@pytest.fixture
def venue(clock):
    return StandInVenue(clock)


def feed_on(venue, *, interval=Interval.M1, admit=lambda: None, **rhythm):
    return VenueFeed(
        venue=venue,
        time=VenueTime(venue, venue.clock, lambda _offset: None),
        symbols=SYMBOLS,
        interval=interval,
        rhythm=Rhythm(backfill_hours=0, **rhythm),
        admit=admit,
    )


def follow(feed, venue, *, after=None, until):
    """Return what the feed gives until our clock reaches `until`, waiting as long as it says."""
    given = []
    for step in feed.instants(after):
        if isinstance(step, Later):
            if venue.clock.now() + timedelta(seconds=step.seconds) > until:
                return given
            venue.clock.go_on(seconds=step.seconds)
        else:
            assert all(one.closed_at == step.closed_at for one in step.candles)
            assert step.closed_at <= venue.now() - timedelta(seconds=1)
            given.append(step)
    raise AssertionError("a live feed never ends")


def instants(given):
    return [one.closed_at for one in given]


def minutes(first, last):
    """Return every full minute from the first to the last."""
    return [first + number * MINUTE for number in range((last - first) // MINUTE + 1)]


def test_the_past_comes_first_then_each_candle_shortly_after_it_closed(clock, venue):
    given = follow(feed_on(venue), venue, until=START + 3 * MINUTE)
    edge = last_close(START, Interval.M1)
    assert instants(given) == minutes(edge - 419 * MINUTE, edge + 3 * MINUTE)
    assert [len(one.candles) for one in given] == [2] * 423
    assert given[-1].candles[0] == a_candle("BTC-USD", edge + 2 * MINUTE)
    assert len(venue.asked) == 2 * (2 + 3)


def test_a_day_is_asked_for_where_that_is_more_than_the_features_need():
    edge = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert edge - first_wanted(edge, Interval.M1, 24) == timedelta(hours=24)
    assert edge - first_wanted(edge, Interval.H1, 24) == timedelta(hours=420)
    assert edge - first_wanted(edge, Interval.D1, 24) == timedelta(days=420)


@pytest.mark.parametrize("interval", list(Interval))
def test_the_grid_is_that_of_utc(interval):
    edge = last_close(START, interval)
    assert edge <= START < edge + interval.delta
    assert edge.timestamp() % interval.seconds == 0


def test_it_goes_on_where_the_store_ends_and_fills_what_an_outage_of_ours_left(venue):
    after = last_close(START, Interval.M1) - 700 * MINUTE
    given = follow(feed_on(venue), venue, after=after, until=START + MINUTE)
    assert instants(given) == minutes(after + MINUTE, after + 701 * MINUTE)
    again = follow(feed_on(venue), venue, after=instants(given)[-1], until=START + 3 * MINUTE)
    assert instants(again) == minutes(after + 702 * MINUTE, after + 703 * MINUTE)


def test_an_open_candle_and_one_told_twice_are_never_given(venue):
    venue.tells_open_candles = True
    given = follow(feed_on(venue), venue, until=START + 5 * MINUTE)
    assert instants(given) == sorted(set(instants(given)))
    assert instants(given)[-1] == last_close(START, Interval.M1) + 5 * MINUTE


@pytest.mark.parametrize("ahead", [-7.0, 7.0, 300.0])
def test_time_is_the_venues(clock, venue, ahead):
    venue.ahead = timedelta(seconds=ahead)
    given = follow(feed_on(venue), venue, until=START + 2 * MINUTE)
    assert venue.offset == venue.ahead
    assert venue.now() - instants(given)[-1] < timedelta(seconds=65)


def test_what_is_late_is_asked_for_again_and_not_by_everybody(venue):
    after = last_close(START, Interval.M1)
    venue.lag = timedelta(seconds=4)
    given = follow(feed_on(venue), venue, after=after, until=START + 50 * timedelta(seconds=1))
    assert instants(given) == [after + MINUTE]
    assert 4 <= len(venue.asked) <= 8


def test_an_instrument_that_did_not_trade_is_left_out_after_a_patience(venue):
    after = last_close(START, Interval.M1)
    venue.quiet = {("ETH-USD", after), ("ETH-USD", after + MINUTE)}
    given = follow(feed_on(venue), venue, after=after, until=START + 3 * MINUTE)
    assert [[one.symbol for one in step.candles] for step in given] == [
        ["BTC-USD"], ["BTC-USD"], ["BTC-USD", "ETH-USD"],
    ]  # fmt: skip
    only_missing = [one for one in venue.asked if one[0] == "BTC-USD"]
    assert len(only_missing) == 3


def test_where_nobody_trades_nothing_is_given_and_silence_is_said_after_a_while(venue):
    after = last_close(START, Interval.M1)
    venue.quiet = set(SYMBOLS)
    feed = feed_on(venue)
    said = []
    for step in feed.instants(after):
        assert isinstance(step, Later)
        said.append(step.why)
        venue.clock.go_on(seconds=step.seconds)
        if venue.clock.now() > START + 5 * MINUTE:
            break
    assert said[0] is None
    assert "coinbase has no candle after 2026-03-01T12:00:00" in said[-1]
    venue.quiet = set()
    given = follow(feed, venue, after=after, until=venue.clock.now() + 2 * MINUTE)
    assert instants(given)[:3] == [after + MINUTE, after + 2 * MINUTE, after + 3 * MINUTE]


def test_a_market_that_was_closed_for_days_does_not_stop_the_backfill(venue):
    after = last_close(START, Interval.M1) - 1500 * MINUTE
    venue.quiet = {
        (symbol, after + number * MINUTE) for symbol in SYMBOLS for number in range(10, 1400)
    }
    given = follow(feed_on(venue), venue, after=after, until=START + timedelta(seconds=5))
    assert len(given) == 10 + 100
    assert instants(given)[-1] == last_close(START, Interval.M1)


def test_an_outage_is_said_waited_for_with_longer_pauses_and_leaves_no_gap(venue):
    after = last_close(START, Interval.M1)
    feed = feed_on(venue)
    venue.trouble = VenueAway("coinbase", "HTTP 503")
    pauses, steps = [], feed.instants(after)
    while venue.clock.now() < START + 20 * MINUTE:
        step = next(steps)
        assert "coinbase: HTTP 503" in step.why
        pauses.append(step.seconds)
        venue.clock.go_on(seconds=step.seconds)
    assert 0.25 <= pauses[0] <= 0.5
    assert max(pauses) <= 60
    assert pauses[-1] >= 30
    venue.trouble = None
    given = []
    while len(given) < 20:
        step = next(steps)
        if isinstance(step, ClosedInstant):
            given.append(step)
        else:
            assert step.why is None
            venue.clock.go_on(seconds=step.seconds)
    assert instants(given) == minutes(after + MINUTE, after + 20 * MINUTE)


def test_an_outage_in_the_middle_of_a_round_asks_only_for_the_rest_again(venue):
    after = last_close(START, Interval.M1) - 5 * MINUTE
    feed = feed_on(venue)
    ask = venue.candles

    def failing_for_the_second(symbol, *rest):
        if symbol == "ETH-USD" and venue.trouble is None:
            venue.trouble = RateLimited("coinbase", "HTTP 429", 3.5)
        return ask(symbol, *rest)

    venue.candles = failing_for_the_second
    steps = feed.instants(after)
    limited = next(steps)
    assert (limited.seconds, limited.why) == (3.5, "coinbase: HTTP 429")
    venue.trouble, venue.candles = None, ask
    assert len(next(steps).candles) == 2
    assert [symbol for symbol, _, _ in venue.asked] == ["BTC-USD", "ETH-USD"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"low": Decimal(0)}, "not positive"),
        ({"close": Decimal("NaN")}, "not positive"),
        ({"high": Decimal(1)}, "does not contain"),
        ({"volume": Decimal(-1)}, "volume"),
        ({"open_at": START}, "lasts"),
        ({"open_at": START, "closed_at": START + MINUTE}, "grid"),
    ],
)
def test_what_is_no_candle_is_not_believed(venue, change, why):
    at = last_close(START, Interval.M1) - 3 * MINUTE
    assert why in fault_of(replace(a_candle("BTC-USD", at), **change), Interval.M1)
    assert fault_of(a_candle("BTC-USD", at), Interval.M1) is None
    venue.bad = {at: change}
    given = follow(feed_on(venue), venue, after=at - MINUTE, until=START + timedelta(seconds=9))
    assert at + MINUTE not in instants(given)
    assert len(given) == 3


def test_progress_in_the_future_is_said_and_waited_for(venue):
    step = next(feed_on(venue).instants(START + timedelta(days=1)))
    assert "in the future" in step.why


def test_what_the_venue_does_not_have_ends_the_feed_and_an_outage_does_not(venue):
    answers = [VenueAway("coinbase", "timeout"), BadInput("interval", "none of 7m", "choose 5m")]

    def admit():
        raise answers.pop(0)

    steps = feed_on(venue, admit=admit).instants(None)
    assert "timeout" in next(steps).why
    with pytest.raises(BadInput, match="choose 5m"):
        next(steps)


def an_instrument(symbol="BTC-USD", tick="0.01", lot="0.00001", least="5"):
    base, quote = symbol.split("-")
    return Instrument(
        symbol=symbol, venue="coinbase", base=base, quote=quote, tick_size=Decimal(tick),
        lot_size=Decimal(lot), min_notional=Decimal(least),
    )  # fmt: skip


def listed(instrument):
    return {
        instrument.symbol: TradingRules(
            instrument=instrument, venue_symbol="x", min_quantity=Decimal(0), max_quantity=None,
            max_notional=None, market_lot_size=None, is_trading=True, is_limit_only=False,
            is_post_only=False, is_cancel_only=False, order_types=frozenset(),
            time_in_forces=frozenset(),
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({}, {}, []),
        ({"tick": "0.02", "lot": "0.001", "least": "10"}, {}, []),
        ({"tick": "0.001"}, {}, ["BTC-USD tick_size is 0.001 here, 0.01 there"]),
        ({"tick": "0.03"}, {"tick": "0.02"}, ["BTC-USD tick_size is 0.03 here, 0.02 there"]),
        ({"lot": "0.000001"}, {}, ["BTC-USD lot_size is 0.000001 here, 0.00001 there"]),
        ({}, {"least": "10"}, ["BTC-USD min_notional is 5 here, 10 there"]),
        ({"symbol": "DOGE-USD"}, {}, ["DOGE-USD is not listed"]),
    ],
)
def test_rules_under_which_the_venue_would_refuse_orders_are_named_with_both_values(
    ours, theirs, said
):
    assert disagreements([an_instrument(**ours)], listed(an_instrument(**theirs))) == said
