"""Prices, books and candles of the simulated exchange never contradict each other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from simulator.engine.clocks import ManualClock
from simulator.market_replay import recorded_candles
from simulator.settings import ExchangeSettings, default_symbols, exchange_of, usual_listing
from tests.unit.simulator.engine_room import HOUSE, seconds
from venues.port import VenueName

D = Decimal

BTC = "BTC-USD"
START = datetime(2026, 1, 5, 12, tzinfo=UTC)


def walking(seed=1, clock=None, **settings):
    made = ExchangeSettings(seed=seed, clock=clock or ManualClock(), **settings)
    return exchange_of(HOUSE, (BTC,), made)


def middle(one):
    depth = one.depth(BTC)
    return (depth.bids[0][0] + depth.asks[0][0]) / 2


def test_the_price_walks_and_the_same_seed_walks_the_same_way():
    def path(seed):
        clock = ManualClock()
        one = walking(seed, clock)
        found = []
        for _ in range(20):
            found.append(middle(one))
            clock.go_on(seconds(5))
        return found

    assert path(1) == path(1) != path(2)
    assert len(set(path(1))) > 15


@pytest.mark.parametrize("interval", [Interval.M1, Interval.M5, Interval.H1, Interval.D1])
def test_candles_hold_together_and_join_the_candles_of_a_minute(interval):
    one = walking()
    end = START.replace(hour=0)
    found = one.candles(BTC, interval, end - 3 * interval.delta, end)
    assert [candle.open_at for candle in found] == [
        end - back * interval.delta for back in (3, 2, 1)
    ]
    for candle in found:
        assert candle.low <= min(candle.open, candle.close)
        assert candle.high >= max(candle.open, candle.close)
        minutes = one.candles(BTC, Interval.M1, candle.open_at, candle.closed_at)
        assert candle.open == minutes[0].open
        assert candle.close == minutes[-1].close
        assert candle.high == max(minute.high for minute in minutes)
        assert candle.low == min(minute.low for minute in minutes)
        assert candle.volume == sum(minute.volume for minute in minutes)


def test_the_open_candle_is_the_book_so_far_and_nothing_opens_after_now():
    clock = ManualClock()
    one = walking(clock=clock)
    seen = []
    for _ in range(10):
        seen.append(middle(one))
        clock.go_on(seconds(5))
    seen.append(middle(one))
    last = one.candles(BTC, Interval.M1, START, START + timedelta(hours=9))
    assert len(last) == 1
    assert abs(last[0].close - seen[-1]) <= D("0.01")
    assert abs(last[0].high - max(seen)) <= D("0.01")


def test_a_price_that_is_set_is_in_the_book_and_in_the_candle_until_it_is_let_go():
    clock = ManualClock()
    one = walking(clock=clock)
    clock.go_on(seconds(20))
    one.set_price(BTC, D(70_000), D("0.5"))
    assert middle(one) == D(70_000)
    assert {quantity for _, quantity in one.depth(BTC).asks} == {D("0.5")}
    clock.go_on(seconds(20))
    one.set_price(BTC, None)
    assert middle(one) != D(70_000)
    (candle,) = one.candles(BTC, Interval.M1, START, START + Interval.M1.delta)
    assert candle.high == D(70_000)
    assert candle.close < D(70_000)


def test_recorded_candles_are_replayed_as_they_were(tmp_path):
    lines = ["open_time,open,high,low,close,volume"]
    recorded = [(100, 104, 98, 101, 5), (101, 109, 101, 108, 6), (108, 108, 90, 95, 7)]
    opened = datetime(2024, 1, 1, tzinfo=UTC)
    for number, row in enumerate((*recorded, *recorded)):
        at = int((opened + number * Interval.M1.delta).timestamp())
        lines.append(",".join(str(value) for value in (at, *row)))
    file = tmp_path / "BTC-USD_1m.csv"
    file.write_text("\n".join(lines) + "\n")
    clock = ManualClock()
    candles = recorded_candles(file, BTC)
    one = walking(clock=clock, candles={BTC: candles})
    clock.go_on(timedelta(minutes=3))
    found = one.candles(BTC, Interval.M1, START - timedelta(minutes=3), clock.now())
    assert [
        (int(one.open), int(one.high), int(one.low), int(one.close), int(one.volume))
        for one in found
    ] == [*recorded, *recorded]


def test_a_gap_in_a_recording_is_bridged_by_its_last_price(tmp_path):
    text = "open_time,open,high,low,close,volume\n"
    for minute in (0, 1, 4):
        text += f"{1704067200 + 60 * minute},10,12,9,11,1\n"
    file = tmp_path / "BTC-USD_1m.csv"
    file.write_text(text)
    candles = recorded_candles(file, BTC)
    assert [candle.volume for candle in candles] == [1, 1, 0, 0, 1]
    assert isinstance(candles[2], Candle)
    assert candles[2].high == candles[2].low == D(11)


def test_one_candle_is_no_recording(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("open_time,open,high,low,close,volume\n1704067200,10,12,9,11,1\n")
    with pytest.raises(BadInput, match="a single candle"):
        recorded_candles(file, BTC)


def test_an_instrument_is_written_base_dash_quote():
    with pytest.raises(BadInput, match="BTC-USDT"):
        usual_listing("btcusdt")
    assert usual_listing("DOGE-USD").tick_size == D("0.0001")
    assert "BTC-USDT" in default_symbols(VenueName.KUCOIN)


def test_a_clock_put_back_does_not_undo_what_has_happened():
    clock = ManualClock()
    one = walking(clock=clock)
    clock.go_on(seconds(30))
    before = one.advance()
    one.set_offset(timedelta(seconds=-10))
    assert one.now() == before - seconds(10)
    assert one.advance() == before
