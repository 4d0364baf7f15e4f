"""The market as risk knows it: last trades, best prices, and how instruments move."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from risk.core.tape import KEPT, Tape, comparable, standardised, volatility_ratios
from shared.domain.ids import Symbol

_DIGITS = 12  # of a correlation: what sums of floats leave behind is beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The best prices at the venue, as last seen."""

    bid: Decimal
    ask: Decimal
    seen_at: datetime

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One instrument; `price` is the close of the last candle traded in, `traded_at` its end.

    `volatility_ratio`: recent over usual volatility, None while too little is known.
    `quote`: None where nobody tells of best prices, as in mock.
    """

    symbol: Symbol
    price: Decimal
    traded_at: datetime
    volatility_ratio: float | None = None
    quote: Quote | None = None


class Correlations(Mapping[frozenset[Symbol], float]):
    """The correlation of each pair that is known, by the pair; pairs are made when asked for.

    `table` (n, n) holds those of `symbols` (n); its diagonal is 1 and of no pair.
    """

    def __init__(self, symbols: Sequence[Symbol], table: NDArray[np.float64]) -> None:
        self._place = {symbol: place for place, symbol in enumerate(symbols)}
        self._table = table

    def between(self, one: Symbol, other: Symbol) -> float | None:
        """Return the correlation of two instruments, None where too little is known of either."""
        row, column = self._place.get(one), self._place.get(other)
        if row is None or column is None or row == column:
            return None
        return float(self._table[row, column])

    def sum_among(self, symbols: Sequence[Symbol], floor: float) -> float:
        """Return the sum over all pairs, each at least `floor`; one not known counts as that."""
        count, places = len(symbols), self._places(symbols)
        known = np.maximum(self._table[np.ix_(places, places)], floor).sum() - len(places)
        unknown = count * (count - 1) - len(places) * (len(places) - 1)
        return float(known + floor * unknown) / 2

    def sum_with(self, symbol: Symbol, others: Sequence[Symbol], floor: float) -> float:
        """Return the sum over the pairs of one and each of the others, which it is not among."""
        place, places = self._place.get(symbol), self._places(others)
        if place is None:
            return floor * len(others)
        known = np.maximum(self._table[place, places], floor).sum()
        return float(known + floor * (len(others) - len(places)))

    def linked(self, symbol: Symbol, threshold: float) -> AbstractSet[Symbol]:
        """Return those whose correlation with `symbol` is known and at least `threshold`."""
        place = self._place.get(symbol)
        if place is None:
            return frozenset()
        symbols = list(self._place)
        found = np.flatnonzero(self._table[place] >= threshold).tolist()
        return {symbols[other] for other in found if other != place}

    def _places(self, symbols: Sequence[Symbol]) -> list[int]:
        return [self._place[symbol] for symbol in symbols if symbol in self._place]

    def __getitem__(self, pair: frozenset[Symbol]) -> float:
        found = self.between(*pair) if len(pair) == 2 else None
        if found is None:
            raise KeyError(pair)
        return found

    def __iter__(self) -> Iterator[frozenset[Symbol]]:
        symbols = list(self._place)
        for place, one in enumerate(symbols):
            for other in symbols[:place]:
                yield frozenset((one, other))

    def __len__(self) -> int:
        count = len(self._place)
        return count * (count - 1) // 2


def _no_correlations() -> Correlations:
    return Correlations((), np.ones((0, 0)))


def _none() -> Mapping[Symbol, Market]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Markets:
    """The instruments that a review asks about, and the correlation of each pair that is known.

    `needs_quotes`: entries wait for best prices; so it is wherever a venue has them to tell.
    """

    by_symbol: Mapping[Symbol, Market] = field(default_factory=_none)
    correlations: Correlations = field(default_factory=_no_correlations)
    needs_quotes: bool = False

    def quoted(self, quotes: Mapping[Symbol, Quote]) -> "Markets":
        """Return the same where a venue has best prices to tell, and these are known."""
        quoted = {
            symbol: replace(one, quote=quotes.get(symbol)) for symbol, one in self.by_symbol.items()
        }
        return replace(self, by_symbol=quoted, needs_quotes=True)


NO_MARKETS = Markets()


def markets_of(tapes: Iterable[Tape], interval: timedelta) -> Markets:
    """Return what the tapes say, as it is where nobody tells of best prices."""
    told = sorted(tapes, key=lambda tape: tape.symbol)
    ratios = _volatility_ratios(told)
    return Markets(
        by_symbol={
            tape.symbol: Market(
                symbol=tape.symbol,
                price=tape.price,
                traded_at=tape.traded_at,
                volatility_ratio=ratios.get(tape.symbol),
            )
            for tape in told
        },
        correlations=correlations(told, interval),
    )


def _volatility_ratios(tapes: Sequence[Tape]) -> Mapping[Symbol, float | None]:
    full = [tape for tape in tapes if len(tape.closes) == KEPT]
    if not full:
        return {}
    closes = np.array([tape.closes for tape in full], dtype=np.float64)
    ratios = volatility_ratios(closes)
    return {tape.symbol: ratio for tape, ratio in zip(full, ratios, strict=True)}


def correlations(tapes: Sequence[Tape], interval: timedelta) -> Correlations:
    """Return Pearson's correlation of the last 72 returns of each pair (ml.md 6.5).

    Of an instrument with fewer, or that has not moved, nothing is known. Each pair is summed by
    itself, in one order: whoever else is asked about changes no digit.
    """
    if len(tapes) < 2:
        return _no_correlations()
    until = max(tape.closed_at for tape in tapes)
    kept = {tape.symbol: comparable(tape, until, interval) for tape in tapes}
    known = {symbol: closes for symbol, closes in kept.items() if closes is not None}
    if len(known) < 2:
        return _no_correlations()
    rows, has_moved = standardised(np.array(list(known.values())))
    symbols = [symbol for symbol, moved in zip(known, has_moved, strict=True) if moved]
    table = np.clip(np.einsum("ik,jk->ij", rows, rows).round(_DIGITS), -1.0, 1.0)
    np.fill_diagonal(table, 1.0)
    return Correlations(symbols, table)
