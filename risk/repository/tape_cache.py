"""What follows from the tapes, worked out once while the database says the same of them."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import replace
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from sqlalchemy import Connection

from risk.core.market import Markets, markets_of
from risk.core.tape import Tape
from risk.repository.market import Shelf, Signature, load_signatures, load_signed_tapes
from shared.domain.enums import Interval
from shared.domain.ids import Symbol

_TAPES, _MARKETS = 1024, 4

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TapeCache:
    """Gives the market without best prices; threads may share it.

    Every look reads the signatures anew, in the caller's transaction, and they are the key: what a
    candle, a correction or a rollback changes is never found under it. Closes are only read, and
    correlations and volatility worked out, of what is not known yet.
    """

    def __init__(self) -> None:
        self._tapes = _Recent[Signature, Tape](_TAPES)
        self._markets = _Recent[tuple[Interval, tuple[Signature, ...]], Markets](_MARKETS)

    def markets(self, connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]) -> Markets:
        tapes = self._known(connection, shelf, symbols)
        key = (shelf.interval, tuple(sorted(tapes)))
        known = self._markets.get(key)
        if known is None:
            known = markets_of((tapes[one] for one in key[1]), shelf.interval.delta)
            self._markets.keep(key, known)
        return known

    def _known(
        self, connection: Connection, shelf: Shelf, symbols: Iterable[Symbol]
    ) -> dict[Signature, Tape]:
        """Return the tapes; one that is not known yet counts as it is when its closes are read."""
        tapes: dict[Signature, Tape] = {}
        unknown: list[Symbol] = []
        for signature in load_signatures(connection, shelf, symbols):
            tape = self._tapes.get(signature)
            if tape is None:
                unknown.append(signature.symbol)
            else:
                tapes[signature] = tape
        if unknown:
            for signature, read in load_signed_tapes(connection, shelf, unknown).items():
                closes = np.array(read.closes, dtype=np.float64)
                closes.flags.writeable = False
                tapes[signature] = replace(read, closes=closes)
                self._tapes.keep(signature, tapes[signature])
        return tapes


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
