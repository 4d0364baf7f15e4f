"""What the account should hold, beside what the venue says it holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from executor.core.reconciliation import Difference, DifferenceKind
from shared.domain.ids import TradeId
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact, to_text

# a venue's rounding of notional and fee, per fill: of money a cent, of coins the eighth decimal
_CENT, _EIGHTH = Decimal("0.01"), Decimal("0.00000001")
_MONEY = frozenset({"USD", "USDT", "USDC", "DAI", "EUR", "GBP"})
_MOST_FILLS = 100  # roundings cancel each other: the allowance does not grow for ever


@dataclass(slots=True)
class Moved:
    """What our fills did to each asset, fees in, and how many of them touched it.

    Fills may be added more than once: each trade counts the first time.
    """

    amounts: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    fills: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _counted: set[TradeId] = field(default_factory=set[TradeId])

    def add(self, fills: Iterable[Fill]) -> None:
        for fill in fills:
            if fill.trade_id not in self._counted:
                self._counted.add(fill.trade_id)
                self._add(fill)

    def _add(self, fill: Fill) -> None:
        base, quote = split_symbol(fill.symbol)
        notional = exact(MONEY.multiply(fill.quantity, fill.price))
        self.amounts[base] += fill.side.sign * fill.quantity
        self.amounts[quote] -= fill.side.sign * notional
        self.amounts[fill.fee_asset] -= fill.fee
        for asset in {base, quote, fill.fee_asset}:
            self.fills[asset] += 1


def compare_balances(
    baselines: Mapping[str, Decimal],
    moved: Moved,
    venue: Mapping[str, Decimal],
    quotes: frozenset[str],
) -> tuple[Difference, ...]:
    """Return the assets of which the venue holds something else than the books explain.

    Base assets must agree to the last digit; a quote asset may differ by a venue's rounding of
    each fill. Assets without a baseline are not ours to watch.
    """
    found: list[Difference] = []
    for asset in sorted(baselines):
        ours = baselines[asset] + moved.amounts.get(asset, ZERO)
        theirs = venue.get(asset, ZERO)
        allowed = _allowance(asset, moved) if asset in quotes else ZERO
        if abs(ours - theirs) > allowed:
            found.append(
                Difference(
                    kind=DifferenceKind.BALANCE,
                    subject=asset,
                    ours=to_text(ours),
                    venue=to_text(theirs),
                )
            )
    return tuple(found)


def drifts(
    baselines: Mapping[str, Decimal],
    moved: Moved,
    venue: Mapping[str, Decimal],
    quotes: frozenset[str],
) -> dict[str, Decimal]:
    """Return what the venue's rounding of quotes has come to, where it is let pass."""
    found: dict[str, Decimal] = {}
    for asset in sorted(quotes & baselines.keys()):
        ours = baselines[asset] + moved.amounts.get(asset, ZERO)
        drift = venue.get(asset, ZERO) - ours
        if drift and abs(drift) <= _allowance(asset, moved):
            found[asset] = drift
    return found


def _allowance(asset: str, moved: Moved) -> Decimal:
    fills = min(moved.fills.get(asset, 0), _MOST_FILLS)
    return fills * (_CENT if asset in _MONEY else _EIGHTH)


def assets_of(symbols: Sequence[str]) -> frozenset[str]:
    """Return every asset that trading these instruments moves."""
    return frozenset(asset for symbol in symbols for asset in split_symbol(symbol))


def quotes_of(symbols: Sequence[str]) -> frozenset[str]:
    return frozenset(split_symbol(symbol)[1] for symbol in symbols)
