"""Puts a probe together: the adapter for what has to be certain, and a raw client beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from launcher.masking import Mask
from launcher.probes.bench import Bench, Question
from launcher.probes.notebook import Notebook
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.venue import TradingRules
from venues.opening import Credentials, adapter_of
from venues.port import SpotVenue, VenueName

USUAL_SYMBOL = {
    VenueName.COINBASE: Symbol("BTC-USD"),
    VenueName.BINANCE_US: Symbol("BTC-USDT"),
    VenueName.KUCOIN: Symbol("BTC-USDT"),
}
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    bench: Bench
    questions: Sequence[Question]


def open_probe(name: VenueName, credentials: Credentials, symbol: Symbol) -> Probe:
    """Return the questions of a venue, ready to be asked.

    Raises:
        BadInput: the instrument is not traded there now.
        VenueError: the venue does not answer, or not to this key.
    """
    venue = adapter_of(name, credentials)
    before = _CLOCK.now()
    theirs = venue.server_time()
    offset = theirs - (before + (_CLOCK.now() - before) / 2)
    venue.set_offset(offset)
    rules = _rules(venue, symbol)

    about = _About(venue=venue, rules=rules, offset=offset, started_at=before)
    match name:
        case VenueName.COINBASE:
            return _coinbase(credentials, about)
        case VenueName.BINANCE_US:
            return _binance_us(credentials, about)
        case VenueName.KUCOIN:
            return _kucoin(credentials, about)


def _coinbase(credentials: Credentials, about: "_About") -> Probe:
    from launcher.probes.coinbase import CoinbaseProbe  # noqa: PLC0415 - 40 MB each
    from venues.coinbase.client import HardClient  # noqa: PLC0415

    address = credentials.address
    client = HardClient(credentials.keys, address.rest, address.authority, credentials.reach)
    bench = about.bench(Notebook(client.hard_session, Mask(credentials.keys)))
    return Probe(bench=bench, questions=CoinbaseProbe(bench, client).questions())


def _binance_us(credentials: Credentials, about: "_About") -> Probe:
    from launcher.probes.binance_us import BinanceUsProbe, RawBinanceUs  # noqa: PLC0415

    client = RawBinanceUs(credentials.keys, credentials.address)
    client.offset = about.offset
    bench = about.bench(Notebook(client.session, Mask(credentials.keys)))
    return Probe(bench=bench, questions=BinanceUsProbe(bench, client).questions())


def _kucoin(credentials: Credentials, about: "_About") -> Probe:
    from launcher.probes.kucoin import KuCoinProbe, RawKuCoin  # noqa: PLC0415

    client = RawKuCoin(credentials.keys, credentials.address)
    client.offset = about.offset
    bench = about.bench(Notebook(client.hard, Mask(credentials.keys)))
    return Probe(bench=bench, questions=KuCoinProbe(bench, client).questions())


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """What is known of the venue before the first question."""

    venue: SpotVenue
    rules: TradingRules
    offset: timedelta
    started_at: datetime

    def bench(self, notebook: Notebook) -> Bench:
        return Bench(
            name=self.venue.name,
            venue=self.venue,
            notebook=notebook,
            rules=self.rules,
            fees=self.venue.fee_rates(self.rules.instrument.symbol),
            offset=self.offset,
            started_at=self.started_at,
        )


def _rules(venue: SpotVenue, symbol: Symbol) -> TradingRules:
    found = {one.instrument.symbol: one for one in venue.rules()}.get(symbol)
    if found is None or not found.is_trading:
        raise BadInput("--symbol", f"'{symbol}' is not traded at {venue.name}", "name another")
    return found
