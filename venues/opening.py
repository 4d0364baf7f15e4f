"""Opens a venue: the one place that knows which adapter belongs to which name."""

from dataclasses import dataclass, field

from shared.domain.ids import Symbol
from shared.domain.venue import TradingRules
from venues.budget import Budget
from venues.lanes import Lane, LanedVenue, Observe
from venues.port import SpotVenue, VenueAddress, VenueKeys, VenueName
from venues.stream import Dialect
from venues.transport import Reach


def _unseen(_operation: str, _outcome: str, _seconds: float) -> None:
    return


def _nowhere(_point: str) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an adapter is made of; without a key only public questions can be asked.

    `known_rules` are the venue's as any adapter last read them: one lane asks, all lanes check.
    """

    keys: VenueKeys
    address: VenueAddress
    budget: Budget
    reach: Reach = field(default=_nowhere)
    known_rules: dict[Symbol, TradingRules] = field(
        default_factory=dict[Symbol, TradingRules], repr=False, compare=False
    )


def adapter_of(name: VenueName, credentials: Credentials) -> SpotVenue:
    """Return one adapter, for one thread; its package is imported here and not before."""
    match name:
        case VenueName.COINBASE:
            from venues.coinbase.adapter import Coinbase  # noqa: PLC0415 - 40 MB each

            return Coinbase(credentials)
        case VenueName.BINANCE_US:
            from venues.binance_us.adapter import BinanceUs  # noqa: PLC0415

            return BinanceUs(credentials)
        case VenueName.KUCOIN:
            from venues.kucoin.adapter import KuCoin  # noqa: PLC0415

            return KuCoin(credentials)


def dialect_of(name: VenueName, credentials: Credentials) -> Dialect:
    """Return how the venue's private stream is spoken."""
    match name:
        case VenueName.COINBASE:
            from venues.coinbase.stream import CoinbaseStream  # noqa: PLC0415

            return CoinbaseStream(credentials)
        case VenueName.BINANCE_US:
            from venues.binance_us.stream import BinanceUsStream  # noqa: PLC0415

            return BinanceUsStream(credentials)
        case VenueName.KUCOIN:
            from venues.kucoin.stream import KuCoinStream  # noqa: PLC0415

            return KuCoinStream(credentials)


def open_venue(name: VenueName, credentials: Credentials, observe: Observe = _unseen) -> LanedVenue:
    """Return the venue for any number of threads; nothing is asked yet."""
    adapters = [adapter_of(name, credentials) for _ in range(3)]
    sending, canceling, asking = (
        Lane(f"{name}-{lane}", adapter, observe)
        for lane, adapter in zip(("sending", "canceling", "asking"), adapters, strict=True)
    )
    return LanedVenue(
        name=name,
        finality=adapters[0].finality,
        sending=sending,
        canceling=canceling,
        asking=asking,
    )
