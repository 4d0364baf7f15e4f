"""Files to replay: each instrument by the one file whose path names it, of the right interval."""

from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from market_data.app import build
from market_data.feeds.naming import interval_in, symbol_in
from market_data.settings import MarketDataSettings
from shared.domain.errors import BadInput, TradingError
from shared.runtime.service import build_runtime
from shared.runtime.settings import MarketSettings, PlatformSettings, load
from tests.database import empty_database

HEAD = "timestamp,open,high,low,close,volume\n"
START = 1704067200


@pytest.mark.parametrize(
    ("path", "symbol", "interval"),
    [
        ("binance/BTC-USDT/1h.parquet", "BTC-USDT", "1h"),
        ("binance/BTC-USDT/1m_2017.parquet", "BTC-USDT", "1m"),
        ("WBTC-USDT/1h.parquet", "WBTC-USDT", "1h"),
        ("ETH-USDT/BTC-USDT_4h.csv.gz", "BTC-USDT", "4h"),
        ("2024-01/1INCH-USDT-15m.csv", "1INCH-USDT", "15m"),
        ("2024-BTC-USDT.csv", "BTC-USDT", None),
        ("candles.csv", None, None),
    ],
)
def test_a_path_tells_the_instrument_and_the_interval(path, symbol, interval):
    assert (symbol_in(Path(path)), interval_in(Path(path))) == (symbol, interval)


@pytest.fixture
def feed_of(tmp_path):
    def built(*files, **market):
        settings = load(
            PlatformSettings,
            trading_state_dir=tmp_path,
            market=load(MarketSettings, venue="binance", **market),
        )
        empty_database(settings.database())
        wanted = load(MarketDataSettings, source="replay", files=files)
        service = build(wanted, build_runtime(settings))
        publisher = service.tasks[0].run.__self__
        return list(publisher.feed.instants(None))

    return built


def hours(path, count=4, *, step=3600, close=2, row=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{START + step * place},1,3,1,{close},5\n" for place in range(count)]
    path.write_text(HEAD + "".join(lines) + row)
    return path


def test_each_instrument_is_replayed_from_its_own_file(tmp_path, feed_of):
    wrapped = hours(tmp_path / "WBTC-USDT" / "1h.csv", close=3)
    bitcoin = hours(tmp_path / "BTC-USDT" / "1h.csv", close=2)
    instants = feed_of(wrapped, bitcoin, instruments="BTC-USDT")
    assert [int(one.candles[0].close) for one in instants] == [2, 2, 2, 2]


@pytest.mark.parametrize(("names", "says"), [
    (("WBTC-USDT_1h.csv",), "no files of BTC-USDT"),
    (("BTC-USDT_1h.csv", "more/BTC-USDT_1h.csv"), "2 files of BTC-USDT"),
])  # fmt: skip
def test_an_instrument_without_a_file_or_with_two_is_refused(tmp_path, feed_of, names, says):
    files = [hours(tmp_path / name) for name in names]
    with pytest.raises(BadInput, match=says):
        feed_of(*files, instruments="BTC-USDT")


def test_minutes_become_hours_and_are_never_taken_for_them(tmp_path, feed_of):
    named = hours(tmp_path / "BTC-USDT_1m.csv", 120, step=60)
    instants = feed_of(named, instruments="BTC-USDT")
    assert [int(one.candles[0].volume) for one in instants] == [300, 300]
    unnamed = hours(tmp_path / "BTC-USDT.csv", 120, step=60)
    with pytest.raises(TradingError, match="holds no 1h candles"):
        feed_of(unnamed, instruments="BTC-USDT")


def test_what_is_wrong_with_a_file_is_counted_in_the_log(tmp_path, feed_of):
    file = hours(tmp_path / "BTC-USDT_1h.csv", row=f"{START + 6 * 3600},0,3,1,2,5\n")
    structlog.reset_defaults()
    with capture_logs() as said:
        feed_of(file, instruments="BTC-USDT")
    (line,) = [one for one in said if one["event"] == "file.read"]
    assert (line["rows"], line["candles"], line["findings"]) == (5, 4, {"bad_price": 1})
    assert line["log_level"] == "warning"


def test_a_file_that_is_refused_says_why(tmp_path, feed_of):
    file = hours(tmp_path / "BTC-USDT_1h.csv", row=f"{START},1,3,1,1,5\n")
    with pytest.raises(BadInput, match="rows contradict each other; see 'trading data check'"):
        feed_of(file, instruments="BTC-USDT")
