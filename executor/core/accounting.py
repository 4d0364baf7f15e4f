"""What the account should hold, beside what the venue says it holds."""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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


def _none_recorded() -> defaultdict[str, deque[datetime]]:
    return defaultdict(lambda: deque(maxlen=_MOST_FILLS))


@dataclass(slots=True)
class Moved:
    """What our fills did to each asset, fees in, and when the last of them were recorded.

    Fills are added with the instant of their recording, each time all that were recorded from some
    instant on, never an earlier one than the time before: what both times tell counts once.
    """

    amounts: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    _recorded: defaultdict[str, deque[datetime]] = field(default_factory=_none_recorded)
    _last: frozenset[TradeId] = frozenset()

    def add(self, recorded: Collection[tuple[datetime, Fill]]) -> None:
        for at, fill in sorted(recorded, key=lambda one: one[0]):
            if fill.trade_id not in self._last:
                self._add(fill, at)
        self._last = frozenset(fill.trade_id for _, fill in recorded)

    def _add(self, fill: Fill, at: datetime) -> None:
        base, quote = split_symbol(fill.symbol)
        notional = exact(MONEY.multiply(fill.quantity, fill.price))
        self.amounts[base] += fill.side.sign * fill.quantity
        self.amounts[quote] -= fill.side.sign * notional
        self.amounts[fill.fee_asset] -= fill.fee
        for asset in {base, quote, fill.fee_asset}:
            self._recorded[asset].append(at)

    def allowance(self, asset: str, agreed_at: datetime | None) -> Decimal:
        """Return how far a venue's rounding may have led since books and venue last agreed.

        None: they never did, so that all fills count; a hundred at most.
        """
        recorded = self._recorded.get(asset, ())
        fills = sum(agreed_at is None or at >= agreed_at for at in recorded)
        return fills * (_CENT if asset in _MONEY else _EIGHTH)


def compare_balances(
    baselines: Mapping[str, Decimal],
    moved: Moved,
    venue: Mapping[str, Decimal],
    allowed: Mapping[str, Decimal],
) -> tuple[Difference, ...]:
    """Return the assets of which the venue holds something else than the books explain.

    Base assets must agree to the last digit; a quote asset may differ by what is `allowed` for a
    venue's rounding of each fill. Assets without a baseline are not ours to watch.
    """
    found: list[Difference] = []
    for asset in sorted(baselines):
        ours = baselines[asset] + moved.amounts.get(asset, ZERO)
        theirs = venue.get(asset, ZERO)
        if abs(ours - theirs) > allowed.get(asset, ZERO):
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
    allowed: Mapping[str, Decimal],
) -> dict[str, Decimal]:
    """Return what a venue's rounding has come to where it is let pass; it may be nothing."""
    found: dict[str, Decimal] = {}
    for asset in sorted(allowed.keys() & baselines.keys()):
        ours = baselines[asset] + moved.amounts.get(asset, ZERO)
        drift = venue.get(asset, ZERO) - ours
        if allowed[asset] and abs(drift) <= allowed[asset]:
            found[asset] = drift
    return found


def assets_of(symbols: Sequence[str]) -> frozenset[str]:
    """Return every asset that trading these instruments moves."""
    return frozenset(asset for symbol in symbols for asset in split_symbol(symbol))


def quotes_of(symbols: Sequence[str]) -> frozenset[str]:
    return frozenset(split_symbol(symbol)[1] for symbol in symbols)
