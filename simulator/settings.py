"""What a simulated exchange is made of, and the making of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.candle import Candle
from shared.domain.clock import Clock, SystemClock
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from simulator.engine.exchange import Exchange
from simulator.engine.model import House, Listing
from simulator.market import Market, Shape
from simulator.market_path import Grid, PricePath, WalkPath, replayed
from venues.port import VenueName

MAIN = "main"
DEFAULT_PORTS = {VenueName.COINBASE: 9031, VenueName.BINANCE_US: 9032, VenueName.KUCOIN: 9033}

_BASES = ("BTC", "ETH", "SOL", "XRP")
_QUOTES = {
    VenueName.COINBASE: ("USD", "USDT"),
    VenueName.BINANCE_US: ("USD", "USDT"),
    VenueName.KUCOIN: ("USDT",),
}
# price, tick, lot: near what the venues list
_USUAL = {
    "BTC": ("65000", "0.01", "0.00001"),
    "ETH": ("3400", "0.01", "0.0001"),
    "SOL": ("150", "0.01", "0.001"),
    "XRP": ("0.6", "0.0001", "0.1"),
}
_UNUSUAL = ("10", "0.0001", "0.01")
_MAX_LOTS = 10**9
_MINUTE_NOTIONAL = Decimal(150_000)
_REPLAYED_AS_HISTORY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """`prices`: where a walk turns around, in quote; `held_prices`: prices that do not move.

    `funds` by asset, for the account "main". `candles` by instrument are replayed: the newest 500
    of the first half are the past, the rest begins now.
    """

    seed: int = 1
    symbols: Sequence[Symbol] = ()
    prices: Mapping[Symbol, Decimal] = field(default_factory=dict[Symbol, Decimal])
    held_prices: Mapping[Symbol, Decimal] = field(default_factory=dict[Symbol, Decimal])
    funds: Mapping[str, Decimal] | None = None
    candles: Mapping[Symbol, Sequence[Candle]] = field(
        default_factory=dict[Symbol, Sequence[Candle]]
    )
    listings: Mapping[Symbol, Listing] = field(default_factory=dict[Symbol, Listing])
    shape: Shape = field(default_factory=Shape)
    clock: Clock = field(default_factory=SystemClock)


def default_symbols(venue: VenueName) -> tuple[Symbol, ...]:
    return tuple(Symbol(f"{base}-{quote}") for quote in _QUOTES[venue] for base in _BASES)


def exchange_of(house: House, symbols: Sequence[Symbol], settings: ExchangeSettings) -> Exchange:
    """Return an exchange that lists `symbols` and whatever else the settings name, with its funds.

    Raises:
        BadInput: an instrument is not written BASE-QUOTE.
    """
    named = (*symbols, *settings.symbols, *settings.prices, *settings.held_prices)
    listed = dict.fromkeys((*named, *settings.candles, *settings.listings))
    markets = {symbol: _market(symbol, settings) for symbol in listed}
    exchange = Exchange(house, markets, settings.clock, settings.seed)
    quotes = {market.listing.quote: Decimal(100_000) for market in markets.values()}
    for asset, amount in (quotes if settings.funds is None else settings.funds).items():
        exchange.deposit(MAIN, asset, amount)
    for symbol, price in settings.held_prices.items():
        exchange.set_price(symbol, price)
    return exchange


def _market(symbol: Symbol, settings: ExchangeSettings) -> Market:
    listing = settings.listings.get(symbol) or usual_listing(symbol)
    return Market(
        seed=settings.seed,
        listing=listing,
        path=_path(listing, settings),
        shape=settings.shape,
    )


def usual_listing(symbol: Symbol) -> Listing:
    """Raises BadInput where the symbol is not written BASE-QUOTE."""
    base, dash, quote = symbol.partition("-")
    if not (base and dash and quote) or symbol != symbol.upper():
        raise BadInput("symbols", f"'{symbol}' is no instrument", "write for example BTC-USDT")
    _, tick, lot = _USUAL.get(base, _UNUSUAL)
    return Listing(
        symbol=symbol,
        base=base,
        quote=quote,
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(lot) * _MAX_LOTS,
        min_notional=Decimal(1),
    )


def _path(listing: Listing, settings: ExchangeSettings) -> PricePath:
    candles = settings.candles.get(listing.symbol)
    if candles:
        grid = Grid(tick_size=listing.tick_size, lot_size=listing.lot_size)
        seconds = int((candles[0].closed_at - candles[0].open_at).total_seconds())
        past = min(len(candles) // 2, _REPLAYED_AS_HISTORY)
        now = int(settings.clock.now().timestamp()) // seconds * seconds
        return replayed(candles, grid, now - past * seconds, settings.seed)
    usual, _, _ = _USUAL.get(listing.base, _UNUSUAL)
    held = settings.held_prices.get(listing.symbol, Decimal(usual))
    price = settings.prices.get(listing.symbol, held)
    return WalkPath(
        seed=settings.seed,
        name=listing.base,
        price_ticks=max(int(price / listing.tick_size), 1),
        lots=max(int(_MINUTE_NOTIONAL / price / listing.lot_size), 1),
    )
