"""What a path tells: `binance/BTC-USDT/1h.parquet` and `BTC-USDT_1h.csv` say the same."""

import re
from pathlib import Path

from shared.domain.enums import Interval
from shared.domain.ids import Symbol

_PART = r"(?=\d*[A-Z])[A-Z0-9]{1,12}"  # a year is no asset
_SYMBOL = re.compile(rf"(?<![A-Za-z0-9]){_PART}-{_PART}(?![A-Za-z0-9])")
_INTERVAL = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(Interval)})(?![A-Za-z0-9])")


def symbol_in(path: Path) -> Symbol | None:
    """Return the last instrument named in the file's name, or else in its folders."""
    found = _last(_SYMBOL, path)
    return None if found is None else Symbol(found)


def interval_in(path: Path) -> Interval | None:
    """Return the last interval named in the file's name, or else in its folders."""
    found = _last(_INTERVAL, path)
    return None if found is None else Interval(found)


def _last(pattern: re.Pattern[str], path: Path) -> str | None:
    found = pattern.findall(path.name) or pattern.findall(str(path))
    return found[-1] if found else None
