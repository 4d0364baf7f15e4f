"""Candles from Parquet: a `timestamp` column, prices and volume, under any capitalisation."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_data.core.candles import RawRows
from market_data.feeds.unix_time import UNITS, unreadable
from shared.domain.errors import BadInput

_VALUES = ("open", "high", "low", "close", "volume")
_KEPT_DIGITS = 15
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read(path: Path) -> RawRows:
    """Return the candles of a Parquet file; times without a zone are UTC.

    Raises:
        BadInput: naming the column or the row at fault.
    """
    columns = _columns(path)
    values = [_numbers(path, name, columns[name]) for name in _VALUES]
    lossy = {row for name in _VALUES for row in _lossy_rows(columns[name])}
    return RawRows(
        source_format="parquet",
        open_at=_seconds(path, columns["timestamp"]),
        ohlcv=np.column_stack(values),
        lossy=tuple(sorted(lossy)),
    )


def _columns(path: Path) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - 30 MB that a service without Parquet never needs
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            names = {name.lower(): name for name in file.schema_arrow.names}
            missing = [name for name in ("timestamp", *_VALUES) if name not in names]
            if missing:
                raise _refused(path, f"lacks {', '.join(missing)}", "rename its columns")
            table = file.read(columns=[names[name] for name in ("timestamp", *_VALUES)])
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(path, f"is not readable Parquet: {error}", "replace it") from error
    if not table.num_rows:
        raise _refused(path, "has no rows", "download it again")
    return {name: table.column(names[name]) for name in ("timestamp", *_VALUES)}


def _seconds(path: Path, column: Any) -> NDArray[np.int64]:
    """Return Unix seconds of times, dates or whole numbers."""
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
    elif not (pa.types.is_timestamp(kind) or pa.types.is_int64(kind)):
        remedy = "save it as Parquet timestamps or as whole Unix time"
        raise _refused(path, f"column 'timestamp' holds {kind}, no times", remedy)
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise unreadable(path, row, "its time is missing")
    units = column.cast(pa.int64()).to_numpy()
    if pa.types.is_timestamp(column.type):
        per_second = np.full(len(units), _PER_SECOND[column.type.unit])
    else:
        per_second = _told_by_magnitude(path, units)
    _refuse_first(path, units % per_second != 0, "its time is not a whole second")
    seconds = units // per_second
    out_of_range = (seconds < 0) | (seconds >= UNITS[0][0])
    _refuse_first(path, out_of_range, "its time is before 1970 or after 5000")
    return seconds.astype(np.int64)


def _told_by_magnitude(path: Path, units: NDArray[np.int64]) -> NDArray[np.int64]:
    limits = np.array([limit for limit, _ in UNITS])
    places = np.searchsorted(limits, units, side="right")
    _refuse_first(path, places == len(limits), "its time is no Unix time")
    _refuse_first(path, places != places[0], "its time is in another unit than the rows before")
    return np.array([unit for _, unit in UNITS])[places]


def _refuse_first(path: Path, at_fault: NDArray[np.bool_], why: str) -> None:
    rows = np.flatnonzero(at_fault)
    if len(rows):
        raise unreadable(path, int(rows[0]), why)


def _numbers(path: Path, name: str, column: Any) -> NDArray[np.float64]:
    """Return a column as numbers, a missing one as NaN."""
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise _refused(path, f"column '{name}' holds {kind}, no numbers", "save it as numbers")
    if pa.types.is_decimal(kind):  # Arrow's own cast is not always the nearest double
        texts = column.to_pylist()
        return np.array([np.nan if text is None else float(text) for text in texts])
    return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)


def _lossy_rows(column: Any) -> list[int]:
    """Return the rows of whole numbers and decimals with more digits than a double keeps."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_floating(column.type):
        return []
    return [
        row
        for row, value in enumerate(column.to_pylist())
        if value is not None and len(Decimal(value).normalize().as_tuple().digits) > _KEPT_DIGITS
    ]


def _refused(path: Path, why: str, remedy: str) -> BadInput:
    return BadInput("file", f"'{path.name}' {why}", remedy)
