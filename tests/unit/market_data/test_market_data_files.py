"""Files of every dialect, and of every kind of mess."""

import gzip
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market_data.core.findings import Kind
from market_data.core.integrity import RepairPolicy, inspect
from market_data.feeds.files import read_file
from market_data.repository import Shelf
from market_data.tasks import Import, inspect_file
from shared.domain.enums import Interval
from shared.domain.errors import BadInput

HEAD = "timestamp,open,high,low,close,volume\n"
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
        ("a.csv", HEAD + "²,1,1,1,1,1\n", "row 1.*no Unix time"),
        ("a.csv", "²,1,1,1,1,1\n" * 2, "no columns for"),
        ("a.csv", HEAD + "9" * 5000 + ",1,1,1,1,1\n", "row 1.*no Unix time"),
        (
            "a.csv",
            HEAD + "1704067200," + "1" * 140_000 + ",1,1,1,1\n",
            "line 2 cannot be read: field larger",
        ),
        ("a.csv", HEAD, "a header and no rows"),
        ("a.csv", "", "is empty"),
        ("a.parquet", "nonsense", "not readable Parquet"),
        ("a.txt", "x", "neither Parquet nor CSV"),
    ],
)
def test_a_file_that_cannot_be_believed_is_refused_with_the_reason(tmp_path, name, text, says):
    with pytest.raises(BadInput, match=says):
        read_file(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", HEAD.encode() + b"1704067200,1,1,1,1,\xe9\n", "no UTF-8 text; save it as UTF-8"),
        ("a.csv", HEAD.encode("utf-16"), "no UTF-8 text"),
        ("a.csv.gz", HEAD.encode(), "damaged or cut off"),
        ("a.csv.gz", gzip.compress(HEAD.encode() * 99, mtime=0)[:-9], "damaged or cut off"),
        (
            "a.csv.gz",
            gzip.compress(HEAD.encode() * 99, mtime=0)[:20] + b"x" * 40,
            "damaged or cut off",
        ),
        ("a.parquet", b"PAR1" + b"x" * 40 + b"PAR1", "not readable Parquet"),
    ],
)
def test_damaged_files_are_refused_with_a_remedy(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=says):
        read_file(tmp_path / name)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    (tmp_path / "a.csv").write_bytes((HEAD + "1704067200,1,2,1,2,5\n").encode("utf-8-sig"))
    assert read_file(tmp_path / "a.csv").open_at.tolist() == [1704067200]


@pytest.mark.parametrize("text", ["1_000", "\uff11", "1,5", "", "one", "nan", "inf", "0x1f"])
def test_what_is_no_plain_number_is_a_bad_price(tmp_path, text):
    path = written(tmp_path, "a.csv", HEAD + f'1704067200,"{text}",1,1,1,1\n')
    assert inspect(read_file(path), "X-Y", Interval.H1, RepairPolicy()).count(Kind.BAD_PRICE) == 1


SECONDS = [1704067200, 1704070800]


def parquet(folder, **columns):
    table = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"timestamp": SECONDS, **table, **columns}), folder / "a.parquet")
    return folder / "a.parquet"


def moments(unit, *, per_second=1, zone=None, more=0):
    return pa.array([one * per_second + more for one in SECONDS], pa.timestamp(unit, zone))


@pytest.mark.parametrize(
    "times",
    [
        moments("s"),
        moments("ms", per_second=1000, zone="UTC"),
        moments("us", per_second=10**6, zone="Europe/Berlin"),
        moments("ns", per_second=10**9),
        pa.array(SECONDS),
        pa.array([one * 1000 for one in SECONDS]),
        pa.array([one * 10**6 for one in SECONDS]),
    ],
)
def test_parquet_times_are_timestamps_or_whole_unix_time(tmp_path, times):
    assert read_file(parquet(tmp_path, timestamp=times)).open_at.tolist() == SECONDS


def test_parquet_dates_are_days(tmp_path):
    dates = pa.array([19723, 19724], pa.date32())
    assert read_file(parquet(tmp_path, timestamp=dates)).open_at.tolist() == [
        1704067200,
        1704153600,
    ]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"timestamp": moments("ms", per_second=1000, more=1)}, "row 1: its time is not a whole"),
        ({"timestamp": moments("ns", per_second=10**9, more=1)}, "row 1: its time is not a whole"),
        ({"timestamp": pa.array([SECONDS[0], None], pa.timestamp("s"))}, "row 2: its time is miss"),
        ({"timestamp": pa.array([SECONDS[0], SECONDS[1] * 1000])}, "row 2: .* another unit"),
        ({"timestamp": pa.array([10**18, 10**18])}, "row 1: its time is no Unix time"),
        ({"timestamp": pa.array([-3600, 0])}, "row 1: its time is before 1970"),
        ({"timestamp": ["2024-01-01 00:00:00+00:00"] * 2}, "'timestamp' holds string, no times"),
        ({"timestamp": [1704067200.0, 1704070800.0]}, "'timestamp' holds double, no times"),
        ({"close": ["1", "2"]}, "'close' holds string, no numbers; save it as numbers"),
        ({"volume": [True, False]}, "'volume' holds bool, no numbers"),
    ],
)
def test_a_parquet_column_that_cannot_be_believed_is_named(tmp_path, columns, says):
    with pytest.raises(BadInput, match=says):
        read_file(parquet(tmp_path, **columns))


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    empty = {
        name: pa.array([], pa.float64()) for name in ("open", "high", "low", "close", "volume")
    }
    with pytest.raises(BadInput, match="has no rows"):
        read_file(parquet(tmp_path, timestamp=pa.array([], pa.timestamp("s")), **empty))


def test_parquet_decimals_are_the_nearest_doubles_or_marked(tmp_path):
    prices = pa.array([Decimal("0.1"), Decimal("1.234567890123456789")], pa.decimal128(38, 18))
    raw = read_file(parquet(tmp_path, open=prices, high=[None, 1.0]))
    assert raw.ohlcv[0, 0] == 0.1
    assert np.isnan(raw.ohlcv[0, 1])
    assert raw.lossy == (1,)


def imported(path, interval):
    shelf = Shelf(venue="v", interval=interval)
    policy = RepairPolicy()
    return Import(path=path, symbol="X-Y", shelf=shelf, policy=policy, file_interval=interval)


def test_a_file_of_minutes_is_not_taken_for_hours(tmp_path):
    lines = [f"{1704067200 + 60 * minute},1,2,1,2,5\n" for minute in range(180)]
    path = written(tmp_path, "a.csv", HEAD + "".join(lines))
    with pytest.raises(BadInput, match="no 1h candles: its rows are mostly 60 s apart"):
        inspect_file(imported(path, Interval.H1))
    assert len(inspect_file(imported(path, Interval.M1)).series) == 180


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
    inspection = inspect_file(imported(recorded / file, Interval(interval)))
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
