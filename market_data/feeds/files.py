"""Recorded candles from files: Parquet, Binance and CryptoDataDownload CSV, and our own CSV."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from market_data.core.candles import RawRows
from shared.domain.errors import BadInput

_KEPT_DIGITS = 15
_UNITS = ((10**11, 1), (10**14, 1_000), (10**17, 1_000_000))
_TIME_NAMES = ("open_time", "timestamp", "unix", "unix timestamp", "time", "open time")
_COLUMNS = ("open", "high", "low", "close")
_BINANCE_WIDTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """Who wrote the file; CryptoDataDownload mixes seconds and milliseconds, nobody else may."""

    name: str
    quote_place: int | None = None

    @property
    def mixes_units(self) -> bool:
        return self.name == "cryptodatadownload"


def read_file(path: Path) -> RawRows:
    """Return the candles of a file, whatever its dialect.

    Raises:
        BadInput: the file is missing, is no candle file, or its times have lost digits.
    """
    if not path.is_file():
        raise BadInput("file", f"'{path}' does not exist", "check the path")
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return _parquet(path)
    if name.endswith(".csv"):
        return _csv(path)
    raise BadInput("file", f"'{path.name}' is neither Parquet nor CSV", "convert it first")


def _parquet(path: Path) -> RawRows:
    import pyarrow.parquet as pq  # noqa: PLC0415 - 30 MB that a service without Parquet never needs

    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise BadInput(
            "file", f"'{path.name}' is not readable Parquet: {error}", "replace it"
        ) from error
    names = {name.lower(): name for name in table.column_names}
    missing = [column for column in ("timestamp", *_COLUMNS, "volume") if column not in names]
    if missing:
        raise BadInput("file", f"'{path.name}' lacks {', '.join(missing)}", "rename its columns")
    times = table.column(names["timestamp"]).to_numpy().astype("datetime64[s]").astype(np.int64)
    values = [table.column(names[column]).to_numpy() for column in (*_COLUMNS, "volume")]
    return RawRows(
        source_format="parquet",
        open_at=times,
        ohlcv=np.column_stack(values).astype(np.float64),
    )


def _csv(path: Path) -> RawRows:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        lines = [line for line in csv.reader(file) if line]
    if lines and "cryptodatadownload" in ",".join(lines[0]).lower():
        lines = lines[1:]
    if not lines:
        raise BadInput("file", f"'{path.name}' is empty", "download it again")
    if _is_number(lines[0][0]):
        return _headless(path, lines)
    header = {name.strip().lower(): place for place, name in enumerate(lines[0])}
    source = "cryptodatadownload" if any(name.startswith("unix") for name in header) else "csv"
    quote = _quote_place(header) if source == "cryptodatadownload" else None
    return _rows(path, lines[1:], _places(path, header), _Dialect(name=source, quote_place=quote))


def _headless(path: Path, lines: list[list[str]]) -> RawRows:
    if len(lines[0]) < _BINANCE_WIDTH:
        raise BadInput(
            "file",
            f"'{path.name}' has {len(lines[0])} columns and no header: not candles "
            "(trades have three)",
            "give a candle file",
        )
    return _rows(path, lines, (0, 1, 2, 3, 4, 5), _Dialect(name="binance"))


def _places(path: Path, header: Mapping[str, int]) -> tuple[int, ...]:
    time = next((header[name] for name in _TIME_NAMES if name in header), None)
    volume = header.get("volume")
    if (
        volume is None
    ):  # CryptoDataDownload names base first, then quote: `Volume BTC`, `Volume USDT`
        volumes = sorted(place for name, place in header.items() if name.startswith("volume "))
        volume = volumes[0] if volumes else None
    prices = [header.get(column) for column in _COLUMNS]
    places = (time, *prices, volume)
    found = tuple(place for place in places if place is not None)
    if len(found) != len(places):
        wanted = "a time, open, high, low, close and volume"
        raise BadInput("file", f"'{path.name}' has no columns for {wanted}", "check its header")
    return found


def _volumes(header: Mapping[str, int]) -> list[int]:
    """Return the places of `Volume BTC`, `Volume USDT`: base first, then quote."""
    return sorted(place for name, place in header.items() if name.startswith("volume "))


def _quote_place(header: Mapping[str, int]) -> int | None:
    volumes = _volumes(header)
    return volumes[1] if len(volumes) > 1 else None


def _rows(
    path: Path, lines: Sequence[Sequence[str]], places: Sequence[int], dialect: _Dialect
) -> RawRows:
    open_at = np.empty(len(lines), dtype=np.int64)
    ohlcv = np.empty((len(lines), 5), dtype=np.float64)
    quote = np.full(len(lines), np.nan)
    units: set[int] = set()
    lossy: list[int] = []
    for row, line in enumerate(lines):
        if len(line) <= max(*places, dialect.quote_place or 0):
            raise _unreadable(path, row, "it has too few columns")
        texts = [line[place].strip() for place in places]
        open_at[row], unit = _seconds(path, row, texts[0])
        units.add(unit)
        if len(units) > 1 and not dialect.mixes_units:
            raise _unreadable(path, row, "its time is in another unit than the rows before")
        if dialect.quote_place is not None:
            quote[row] = _number(line[dialect.quote_place])
        ohlcv[row] = [_number(text) for text in texts[1:]]
        if any(_digits(text) > _KEPT_DIGITS for text in texts[1:]):
            lossy.append(row)
    return RawRows(
        source_format=dialect.name,
        open_at=open_at,
        ohlcv=ohlcv,
        lossy=tuple(lossy),
        quote_volume=None if dialect.quote_place is None else quote,
    )


def _seconds(path: Path, row: int, text: str) -> tuple[int, int]:
    """Return Unix seconds and how many units a second has, told apart by magnitude."""
    whole = text.removesuffix(".0")
    if not whole.isdigit():
        why = "lost its digits, as spreadsheets do" if "E+" in text.upper() else "is no Unix time"
        raise _unreadable(path, row, f"its time '{text}' {why}")
    value = int(whole)
    for limit, unit in _UNITS:
        if value < limit:
            seconds, rest = divmod(value, unit)
            if rest:
                raise _unreadable(path, row, f"its time '{text}' is not a whole second")
            return seconds, unit
    raise _unreadable(path, row, f"its time '{text}' is no Unix time")


def _unreadable(path: Path, row: int, why: str) -> BadInput:
    return BadInput(
        "file", f"'{path.name}' row {row + 1}: {why}", "export it again from its source"
    )


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _digits(text: str) -> int:
    """Return how many significant digits a plain decimal text has."""
    mantissa = text.lstrip("-").lower().partition("e")[0]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").replace(".", "")
    return len(mantissa.lstrip("0"))
