"""Recorded candles from a file, whatever its dialect."""

from pathlib import Path

from market_data.core.candles import RawRows
from market_data.feeds import delimited, parquet
from shared.domain.errors import BadInput


def read_file(path: Path) -> RawRows:
    """Return the candles of a file, at least one.

    Raises:
        BadInput: the file is missing, is no candle file, or its times have lost digits.
    """
    if path.is_dir():
        raise BadInput("file", f"'{path}' is a folder", "name one file in it")
    if not path.is_file():
        raise BadInput("file", f"'{path}' does not exist", "check the path")
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return parquet.read(path)
        if name.endswith(".csv"):
            return delimited.read(path)
    except OSError as error:
        raise BadInput(
            "file", f"'{path.name}' cannot be read: {error.strerror or error}", "replace it"
        ) from error
    raise BadInput("file", f"'{path.name}' is neither Parquet nor CSV", "convert it first")
