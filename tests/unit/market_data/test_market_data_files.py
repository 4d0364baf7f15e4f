"""Files of every dialect, and of every kind of mess."""

import gzip

import numpy as np
import pytest

from market_data.core.integrity import Kind, RepairPolicy, inspect
from market_data.feeds.files import read_file
from shared.domain.enums import Interval
from shared.domain.errors import BadInput

BINANCE = "{},42.5,43,42,42.75,10.5,0,0,0,0,0,0\n"


def written(folder, name, text):
    path = folder / name
    with gzip.open(path, "wt") if name.endswith(".gz") else path.open("w") as file:
        file.write(text)
    return path


@pytest.mark.parametrize(
    "times", [("1704067200000", "1704070800000"), ("1704067200000000", "1704070800000000")]
)
def test_binance_times_are_milliseconds_or_microseconds(tmp_path, times):
    raw = read_file(written(tmp_path, "a.csv", "".join(BINANCE.format(time) for time in times)))
    assert raw.source_format == "binance"
    assert raw.open_at.tolist() == [1704067200, 1704070800]
    assert raw.ohlcv[0].tolist() == [42.5, 43.0, 42.0, 42.75, 10.5]


def test_cryptodatadownload_is_read_in_either_order_with_seconds_or_milliseconds(tmp_path):
    lines = [
        "1704070800000,2024-01-01 01:00:00,BTC/USDT,2,4,1,3,7,21\n",
        "1704067200.0,2024-01-01 12-AM,BTC/USDT,1,3,1,2,5,10\n",
    ]
    head = "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USDT\n"
    newest = read_file(written(tmp_path, "a.csv.gz", head + "".join(lines)))
    oldest = read_file(written(tmp_path, "b.csv", head + "".join(reversed(lines))))
    series = [
        inspect(raw, "BTC-USDT", Interval.H1, RepairPolicy()).series for raw in (newest, oldest)
    ]
    assert np.array_equal(series[0].ohlcv, series[1].ohlcv)
    assert series[0].ohlcv[:, 4].tolist() == [5.0, 7.0]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "a.csv",
            "unix,date,open,high,low,close,Volume BTC\n1.64E+12,x,1,1,1,1,1\n",
            "row 1.*spreadsheets",
        ),
        ("a.csv", "1672531436,90.54,1.1\n", "3 columns and no header"),
        ("a.csv", "timestamp,open,high,low\n1704067200,1,1,1\n", "no columns for"),
        (
            "a.csv",
            "timestamp,open,high,low,close,volume\n1704067200,1,1\n",
            "row 1: it has too few",
        ),
        ("a.csv", "timestamp,open,high,low,close,volume\nyesterday,1,1,1,1,1\n", "no Unix time"),
        (
            "a.csv",
            "timestamp,open,high,low,close,volume\n1704067200500,1,1,1,1,1\n",
            "whole second",
        ),
        ("a.csv", "", "is empty"),
        ("a.parquet", "nonsense", "not readable Parquet"),
        ("a.txt", "x", "neither Parquet nor CSV"),
    ],
)
def test_a_file_that_cannot_be_believed_is_refused_with_the_reason(tmp_path, name, text, says):
    with pytest.raises(BadInput, match=says):
        read_file(written(tmp_path, name, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        read_file(tmp_path / "nowhere.csv")


def test_a_number_with_more_digits_than_a_double_keeps_is_marked(tmp_path):
    text = "timestamp,open,high,low,close,volume\n1704067200,1,1,1,1,1234567890.1234567\n1704070800,1,1,1,1,12.50000000000000000\n"
    assert read_file(written(tmp_path, "a.csv", text)).lossy == (0,)


RECORDED = [
    # the columns: file, interval, findings by kind, bridged, missing, refused
    ("binance/BTC-USDT/1h.parquet", "1h", {Kind.GAP: 10}, 12, 8, False),
    ("binance/BTC-USDT/1m_2017.parquet", "1m", {Kind.GAP: 1}, 0, 420, False),
    ("binance_cdd/BTC-USDT/1h.parquet", "1h", {Kind.GAP: 4, Kind.CONFLICT: 2649}, 0, 9, True),
    ("bittrex/LTC-BTC/5m.parquet", "5m", {Kind.GAP: 5, Kind.CONFLICT: 1435}, 0, 1418, True),
    ("coinbase_cdd/BTC-USD/1h.parquet", "1h", {Kind.GAP: 2, Kind.DUPLICATE: 5}, 1, 4, False),
    ("gemini_cdd/BTC-USD/1h.parquet", "1h", {Kind.GAP: 3, Kind.BAD_PRICE: 1}, 3, 0, False),
    ("kraken/BTC-USD/1h.parquet", "1h", {Kind.GAP: 3254}, 3737, 7119, False),
    ("raw/binance_vision_spot/BTCUSDT-1h-2024-11.csv", "1h", {}, 0, 0, False),
    ("raw/binance_vision_futures_um/BTCUSDT-1m-2022-11-09.csv", "1m", {}, 0, 0, False),
    (
        "raw/cryptodatadownload/Binance_BTCUSDT_1h.csv.gz",
        "1h",
        {Kind.GAP: 4, Kind.CONFLICT: 2649},
        0,
        9,
        True,
    ),
    (
        "raw/cryptodatadownload/Coinbase_BTCUSD_1h.csv.gz",
        "1h",
        {Kind.GAP: 2, Kind.DUPLICATE: 5},
        1,
        4,
        False,
    ),
]


@pytest.mark.parametrize(("file", "interval", "counts", "bridged", "missing", "refused"), RECORDED)
def test_every_recorded_mess_is_counted_as_documented(recorded, file, interval, counts, bridged, missing, refused):  # fmt: skip
    inspection = inspect(read_file(recorded / file), "X-Y", Interval(interval), RepairPolicy())
    assert {kind: inspection.count(kind) for kind in Kind if inspection.count(kind)} == counts
    assert (inspection.bridged, inspection.missing, inspection.series is None) == (
        bridged,
        missing,
        refused,
    )


@pytest.mark.parametrize(
    "file",
    ["cryptodatadownload/Binance_LTCUSDT_1h_excel_mangled.csv.gz", "kraken_trades/BCHEUR.csv"],
)
def test_recorded_files_that_are_no_candles_are_refused(recorded, file):
    with pytest.raises(BadInput):
        read_file(recorded / "raw" / file)


def test_a_binance_file_that_mixes_units_is_refused(tmp_path):
    text = BINANCE.format("1704067200000") + BINANCE.format("1704070800000000")
    with pytest.raises(BadInput, match=r"row 2.*another unit"):
        read_file(written(tmp_path, "a.csv", text))


def test_volumes_the_wrong_way_round_are_named_and_put_right(recorded):
    raw = read_file(recorded / "raw/cryptodatadownload/Bitstamp_BTCUSD_1h.csv.gz")
    inspection = inspect(raw, "BTC-USD", Interval.H1, RepairPolicy())
    assert inspection.count(Kind.SWAPPED_VOLUME) > 20_000
    assert inspection.series.ohlcv[:, 4].max() < 100_000


def test_volumes_of_minutes_add_up_to_the_recorded_hours_exactly(recorded):
    from market_data.core.aggregate import aggregate

    minutes = inspect(
        read_file(recorded / "binance/BTC-USDT/1m.parquet"), "BTC-USDT", Interval.M1, RepairPolicy()
    ).series
    recorded_hours = inspect(
        read_file(recorded / "binance/BTC-USDT/1h.parquet"), "BTC-USDT", Interval.H1, RepairPolicy()
    ).series
    hours = aggregate(minutes, Interval.H1)
    same = recorded_hours.open_at.searchsorted(hours.open_at)
    assert np.array_equal(hours.ohlcv, recorded_hours.ohlcv[same])
