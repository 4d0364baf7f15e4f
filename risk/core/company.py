"""Instruments that are held together: how they move with one another, and which move as one."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from risk.core.market import Correlations
from shared.domain.ids import Symbol


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


def company_of(symbols: Iterable[Symbol], known: Correlations, floor: float) -> Company:
    """Return the company of these instruments (ml.md 6.5).

    A pair counts with its correlation, but never below `floor`: lately apart is no promise for a
    fall. One that is not known counts as the floor.
    """
    ordered = sorted(symbols)
    return Company(symbols=frozenset(ordered), correlation_sum=known.sum_among(ordered, floor))


def joined(company: Company, symbol: Symbol, known: Correlations, floor: float) -> Company:
    """Return the company with one more in it."""
    if symbol in company.symbols:
        return company
    more = known.sum_with(symbol, sorted(company.symbols), floor)
    return Company(
        symbols=company.symbols | {symbol}, correlation_sum=company.correlation_sum + more
    )


def cluster_of(
    symbol: Symbol, others: AbstractSet[Symbol], known: Correlations, threshold: float
) -> frozenset[Symbol]:
    """Return those that move as one with `symbol`, itself among them.

    Two are linked from a correlation of `threshold` on, and links chain; a pair that is not known
    is not linked.
    """
    reached, waiting = {symbol}, [symbol]
    while waiting:
        linked = (known.linked(waiting.pop(), threshold) & others) - reached
        reached |= linked
        waiting.extend(linked)
    return frozenset(reached)


def clusters_among(
    symbols: AbstractSet[Symbol], known: Correlations, threshold: float
) -> list[frozenset[Symbol]]:
    """Return every group of two or more that move as one."""
    left, found = set(symbols), list[frozenset[Symbol]]()
    for symbol in sorted(symbols) if known else ():
        if symbol in left:
            cluster = cluster_of(symbol, left, known, threshold)
            left -= cluster
            if len(cluster) > 1:
                found.append(cluster)
    return found
