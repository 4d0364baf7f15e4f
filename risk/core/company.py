"""Instruments that are held together: how they move with one another, and which move as one."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import fsum, isfinite

from risk.core.market import Correlations
from shared.domain.ids import Symbol

Known = Mapping[frozenset[Symbol], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """`correlation_sum`: over the pairs of `symbols`."""

    symbols: frozenset[Symbol]
    correlation_sum: float

    @property
    def count(self) -> int:
        return len(self.symbols)

    @property
    def mean_correlation(self) -> float:
        """Return the mean over all pairs, 0 for one alone."""
        pairs = self.count * (self.count - 1) // 2
        return self.correlation_sum / pairs if pairs else 0.0


def company_of(symbols: Iterable[Symbol], known: Known, floor: float) -> Company:
    """Return the company of these instruments (ml.md 6.5).

    A pair counts with its correlation, but never below `floor`: lately apart is no promise for a
    fall. One that is not known counts as the floor.
    """
    ordered = sorted(symbols)
    pairs = len(ordered) * (len(ordered) - 1) // 2
    if not known:
        return Company(symbols=frozenset(ordered), correlation_sum=floor * pairs)
    rows = (
        fsum(_assumed(known, one, other, floor) for other in ordered[:place])
        for place, one in enumerate(ordered)
    )
    return Company(symbols=frozenset(ordered), correlation_sum=fsum(rows))


def joined(company: Company, symbol: Symbol, known: Known, floor: float) -> Company:
    """Return the company with one more in it."""
    if symbol in company.symbols:
        return company
    others = sorted(company.symbols)
    more = fsum(_assumed(known, symbol, other, floor) for other in others)
    return Company(
        symbols=company.symbols | {symbol}, correlation_sum=company.correlation_sum + more
    )


def cluster_of(
    symbol: Symbol, others: AbstractSet[Symbol], known: Known, threshold: float
) -> frozenset[Symbol]:
    """Return those that move as one with `symbol`, itself among them.

    Two are linked from a correlation of `threshold` on, and links chain; a pair that is not known
    is not linked.
    """
    reached = {symbol}
    if not known:
        return frozenset(reached)
    waiting, left = [symbol], set(others) - reached
    while waiting and left:
        one = waiting.pop()
        linked = {other for other in left if _is_linked(known, one, other, threshold)}
        left -= linked
        reached |= linked
        waiting.extend(linked)
    return frozenset(reached)


def clusters_among(
    symbols: AbstractSet[Symbol], known: Known, threshold: float
) -> list[frozenset[Symbol]]:
    """Return every group of two or more that move as one."""
    if not known:
        return []
    left, found = set(symbols), list[frozenset[Symbol]]()
    for symbol in sorted(symbols):
        if symbol in left:
            cluster = cluster_of(symbol, left, known, threshold)
            left -= cluster
            if len(cluster) > 1:
                found.append(cluster)
    return found


def _is_linked(known: Known, one: Symbol, other: Symbol, threshold: float) -> bool:
    correlation = _between(known, one, other)
    return correlation is not None and correlation >= threshold


def _assumed(known: Known, one: Symbol, other: Symbol, floor: float) -> float:
    correlation = _between(known, one, other)
    return floor if correlation is None or not isfinite(correlation) else max(correlation, floor)


def _between(known: Known, one: Symbol, other: Symbol) -> float | None:
    if isinstance(known, Correlations):
        return known.between(one, other)
    return known.get(frozenset((one, other)))
