"""Candles, trades and tickers of the simulated Binance.US: which rows a question gets."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from simulator.engine.clocks import ManualClock
from tests.unit.simulator.binance_us_served import Served, served


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served(ManualClock()) as one:
        yield one


@pytest.mark.parametrize(
    ("interval", "minutes"),
    [
        ("1m", 1),
        ("3m", 3),
        ("5m", 5),
        ("2h", 120),
        ("6h", 360),
        ("8h", 480),
        ("12h", 720),
        ("1d", 1440),
        ("3d", 4320),
        ("1w", 10080),
    ],
)
def test_candles_follow_each_other(venue: Served, interval: str, minutes: int) -> None:
    length = minutes * 60_000
    rows = venue.ask("/api/v3/klines", symbol="ETHUSDT", interval=interval, limit=4).json()
    opens = [row[0] for row in rows]
    assert len(rows) == 4
    assert [after - before for before, after in itertools.pairwise(opens)] == [length] * 3
    assert all(row[6] == row[0] + length - 1 for row in rows)
    assert opens[-1] <= venue.now() < opens[-1] + length  # the open candle comes last


def test_months_are_those_of_the_calendar(venue: Served) -> None:
    rows = venue.ask("/api/v3/klines", symbol="ETHUSDT", interval="1M", limit=2).json()
    opens = [datetime.fromtimestamp(row[0] / 1000, UTC) for row in rows]
    now = datetime.fromtimestamp(venue.now() / 1000, UTC)
    assert opens[1] == datetime(now.year, now.month, 1, tzinfo=UTC)
    assert rows[0][6] == rows[1][0] - 1
    assert opens[0].day == 1


def test_candles_of_a_span_come_from_its_start(venue: Served) -> None:
    minute = 60_000
    start = venue.now() // minute * minute - 100 * minute

    def opens(**parameters: object) -> list[int]:
        asked = {"symbol": "ETHUSDT", "interval": "1m", **parameters}
        return [(row[0] - start) // minute for row in venue.ask("/api/v3/klines", **asked).json()]

    assert opens(startTime=start, endTime=start + 5 * minute) == [0, 1, 2, 3, 4, 5]
    assert opens(startTime=start + 1, limit=3) == [1, 2, 3]
    assert opens(endTime=start, limit=3) == [-2, -1, 0]
    assert opens(startTime=start, limit=5_000)[-1] == 100
    assert opens(startTime=venue.now() + minute) == []
    assert opens(startTime=start, endTime=start - 1) == []
    assert opens(endTime=0) == []
    assert opens(startTime=0, limit=2) == [100 - 500 * 1440, 101 - 500 * 1440]  # since its listing


def test_a_wide_candle_is_made_of_the_narrow_ones(venue: Served) -> None:
    wide = venue.ask("/api/v3/klines", symbol="ETHUSDT", interval="2h", limit=2).json()[0]
    asked = {"symbol": "ETHUSDT", "interval": "1h", "startTime": wide[0], "limit": 2}
    first, second = venue.ask("/api/v3/klines", **asked).json()
    assert (wide[1], wide[4]) == (first[1], second[4])
    assert Decimal(wide[2]) == max(Decimal(first[2]), Decimal(second[2]))
    assert Decimal(wide[5]) == Decimal(first[5]) + Decimal(second[5])


def test_wrong_market_questions_have_their_errors(venue: Served) -> None:
    interval = venue.ask("/api/v3/klines", symbol="BTCUSDT", interval="1s").json()
    assert interval == {"code": -1120, "msg": "Invalid interval."}
    assert venue.ask("/api/v3/klines", symbol="BTCUSDT").json()["code"] == -1102
    both = venue.ask("/api/v3/exchangeInfo", symbol="BTCUSDT", symbols='["BTCUSDT"]').json()
    assert both["code"] == -1128
    assert venue.ask("/api/v3/ticker/price", symbols="BTCUSDT").json()["code"] == -1100
    far = {"symbol": "BTCUSDT", "interval": "1m", "startTime": 10**19}
    assert venue.ask("/api/v3/klines", **far).json()["code"] == -1100


def test_symbols_can_be_named_as_a_list(venue: Served) -> None:
    found = venue.ask("/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]').json()["symbols"]
    assert [one["symbol"] for one in found] == ["BTCUSDT", "ETHUSDT"]
    assert len(venue.ask("/api/v3/ticker/price", symbols='["ETHUSDT"]').json()) == 1


def test_trades_of_the_market_are_numbered_and_paged(venue: Served) -> None:
    rows = venue.ask("/api/v3/aggTrades", symbol="ETHUSDT", limit=5).json()
    numbers = [row["a"] for row in rows]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert rows[-1]["T"] < venue.now()
    again = venue.ask("/api/v3/aggTrades", symbol="ETHUSDT", fromId=numbers[1], limit=2).json()
    assert again == rows[1:3]
    span = {"startTime": rows[1]["T"], "endTime": rows[2]["T"]}
    assert venue.ask("/api/v3/aggTrades", symbol="ETHUSDT", **span).json() == rows[1:3]
    wide = {"startTime": 0, "endTime": int(timedelta(hours=2).total_seconds() * 1000)}
    assert venue.ask("/api/v3/aggTrades", symbol="ETHUSDT", **wide).json()["code"] == -1127
