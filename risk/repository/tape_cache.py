"""What follows from the tapes, worked out once while the database says the same of them."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
from sqlalchemy import Connection

from risk.core.market import Markets, markets_of
from risk.core.tape import Tape
from risk.repository.market import Shelf, read_tapes
from shared.domain.ids import Symbol

_TAPES, _MARKETS = 1024, 4

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TapeCache:
    """Gives the market without best prices; threads may share it.

    Every look reads the rows anew, in the caller's transaction, and all that they say is the key,
    closes included: what a candle, a correction or a rollback changes is never found under it.
    Closes are only decoded, and correlations and volatility worked out, of what is not known yet.
    """

    def __init__(self) -> None:
        self._tapes = _Recent[Any, Tape](_TAPES)
        self._markets = _Recent[Any, Markets](_MARKETS)

    def markets(self, connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]) -> Markets:
        rows = tuple(sorted(read_tapes(connection, shelf, symbols)))
        key = (shelf.interval, rows)
        known = self._markets.get(key)
        if known is None:
            known = markets_of(map(self._tape, rows), shelf.interval.delta)
            self._markets.keep(key, known)
        return known

    def _tape(self, row: Any) -> Tape:
        known = self._tapes.get(row)
        if known is None:
            closes = np.array(msgspec.json.decode(row.closes), dtype=np.float64)
            closes.flags.writeable = False
            known = Tape(
                symbol=Symbol(row.symbol),
                closed_at=row.closed_at,
                closes=closes,
                price=row.price,
                traded_at=row.traded_at,
            )
            self._tapes.keep(row, known)
        return known


class _Recent(Generic[K, V]):
    """The values asked for last, no more than `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
            return self._known[key]

    def keep(self, key: K, value: V) -> None:
        with self._lock:
            self._known[key] = value
            self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
