"""Candles from CSV: Binance's and CryptoDataDownload's, and our own."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from market_data.core.candles import RawRows
from market_data.feeds.unix_time import seconds_of, unreadable
from shared.domain.errors import BadInput

_KEPT_DIGITS = 15
_TIME_NAMES = ("open_time", "timestamp", "unix", "unix timestamp", "time", "open time")
_COLUMNS = ("open", "high", "low", "close")
_BINANCE_WIDTH = 12
_PLAIN = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    """Who wrote the file; CryptoDataDownload mixes seconds and milliseconds, nobody else may."""

    name: str
    quote_place: int | None = None

    @property
    def mixes_units(self) -> bool:
        return self.name == "cryptodatadownload"


def read(path: Path) -> RawRows:
    """Return the candles of a CSV file, plain or compressed with gzip.

    Raises:
        BadInput: naming the row, where one is at fault.
    """
    lines = _lines(path)
    if lines and "cryptodatadownload" in ",".join(lines[0]).lower():
        lines = lines[1:]
    if not lines:
        raise _refused(path, "is empty", "download it again")
    if _is_number(lines[0][0]):
        return _headless(path, lines)
    header = {name.strip().lower(): place for place, name in enumerate(lines[0])}
    source = "cryptodatadownload" if any(name.startswith("unix") for name in header) else "csv"
    quote = _quote_place(header) if source == "cryptodatadownload" else None
    if len(lines) == 1:
        raise _refused(path, "has a header and no rows", "download it again")
    return _rows(path, lines[1:], _places(path, header), _Dialect(name=source, quote_place=quote))


def _lines(path: Path) -> list[list[str]]:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            return [line for line in _csv_lines(path, csv.reader(file)) if line]
    except UnicodeDecodeError as error:
        raise _refused(path, "is no UTF-8 text", "save it as UTF-8") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _refused(path, "is damaged or cut off", "download it again") from error


def _csv_lines(path: Path, lines: Any) -> Iterator[list[str]]:
    try:
        yield from lines
    except csv.Error as error:
        where = f"line {lines.line_num} cannot be read: {error}"
        raise _refused(path, where, "export it again from its source") from error


def _refused(path: Path, why: str, remedy: str) -> BadInput:
    return BadInput("file", f"'{path.name}' {why}", remedy)


def _headless(path: Path, lines: list[list[str]]) -> RawRows:
    if len(lines[0]) < _BINANCE_WIDTH:
        why = f"has {len(lines[0])} columns and no header: not candles (trades have three)"
        raise _refused(path, why, "give a candle file")
    return _rows(path, lines, (0, 1, 2, 3, 4, 5), _Dialect(name="binance"))


def _places(path: Path, header: Mapping[str, int]) -> tuple[int, ...]:
    time = next((header[name] for name in _TIME_NAMES if name in header), None)
    volume = next(iter(_volumes(header)), None) if "volume" not in header else header["volume"]
    prices = [header.get(column) for column in _COLUMNS]
    places = (time, *prices, volume)
    found = tuple(place for place in places if place is not None)
    if len(found) != len(places):
        wanted = "a time, open, high, low, close and volume"
        raise _refused(path, f"has no columns for {wanted}", "check its header")
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
            raise unreadable(path, row, "it has too few columns")
        texts = [line[place].strip() for place in places]
        open_at[row], unit = seconds_of(path, row, texts[0])
        units.add(unit)
        if len(units) > 1 and not dialect.mixes_units:
            raise unreadable(path, row, "its time is in another unit than the rows before")
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


def _is_number(text: str) -> bool:
    digits = text.strip().replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def _number(text: str) -> float:
    return float(text) if _PLAIN.fullmatch(text) else float("nan")


def _digits(text: str) -> int:
    """Return how many significant digits a plain decimal text has."""
    mantissa = text.lstrip("-").lower().partition("e")[0]
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").replace(".", "")
    return len(mantissa.lstrip("0"))
