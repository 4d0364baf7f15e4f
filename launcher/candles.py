"""Candles from the store or the synthetic market, as training and backtests want them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import market_data.app
from market_data import repository
from market_data.core.candles import Series
from market_data.feeds.synthetic import HISTORY_CANDLES
from market_data.repository import Shelf
from market_data.settings import MarketDataSettings, Source
from models.dataset import CandleArrays
from models.manifest import TradedMarket
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load

_DAY = timedelta(days=1)
_LAST_DAY = datetime.max.replace(tzinfo=UTC) - _DAY


def moment(option: str, text: str) -> datetime | None:
    """Return the instant of an ISO 8601 date or time, UTC where no zone is given.

    A date alone is the beginning of its day.

    Raises:
        BadInput: the text is neither.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(option, f"'{text}' is no date", "write for example 2023-12-31") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def end_of(option: str, text: str) -> datetime | None:
    """Return the instant of a time, and of a date alone the end of its day.

    Raises:
        BadInput: the text is neither.
    """
    found = moment(option, text)
    if found is None or not _is_day(text):
        return found
    return min(found, _LAST_DAY) + _DAY


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def as_arrays(series: Mapping[Symbol, Series]) -> dict[Symbol, CandleArrays]:
    return {
        symbol: CandleArrays(
            symbol=symbol, closed_at=one.closed_at, ohlcv=one.ohlcv, is_filled=one.is_filled
        )
        for symbol, one in series.items()
    }


def is_synthetic(settings: PlatformSettings) -> bool:
    """Tell whether this configuration's candles are invented."""
    source = load(MarketDataSettings).source
    return settings.market.venue == "synthetic" and source is Source.SYNTHETIC


def traded_market(settings: PlatformSettings) -> TradedMarket:
    """Return what the signal generator is asked about with this configuration."""
    market = settings.market
    return TradedMarket.of(market.venue, market.interval, market.symbols)


def chosen(settings: PlatformSettings, symbols: Sequence[str]) -> tuple[Symbol, ...]:
    """Return the named instruments, all where none is named.

    Raises:
        BadInput: an instrument is not configured.
    """
    market = settings.market
    for symbol in symbols:
        if symbol not in market.symbols:
            known = ", ".join(market.symbols)
            raise BadInput("--symbols", f"'{symbol}' is not traded here", f"choose from {known}")
    return tuple(Symbol(one) for one in symbols) or market.symbols


def stored(
    settings: PlatformSettings, symbols: Sequence[Symbol], *, beyond: int = 0
) -> dict[Symbol, Series]:
    """Return the candles of these instruments: recorded ones, or the synthetic history.

    `beyond`: how many synthetic candles to add that come after that history.

    Raises:
        BadInput: an instrument has no candles.
    """
    if is_synthetic(settings):
        synthetic = market_data.app.synthetic_market(load(MarketDataSettings), settings.market)
        history = synthetic.history(HISTORY_CANDLES + beyond)
        return {symbol: history[symbol] for symbol in symbols}
    return _from_store(settings, symbols)


def _from_store(settings: PlatformSettings, symbols: Sequence[Symbol]) -> dict[Symbol, Series]:
    market = settings.market
    shelf = Shelf(venue=market.venue, interval=market.interval)
    with build_runtime(settings).transactions("launcher").read() as connection:
        found = {one: repository.load_series(connection, shelf, one) for one in symbols}
    empty = [symbol for symbol, series in found.items() if not len(series)]
    if empty:
        raise BadInput(
            "candles",
            f"no {market.interval} candles of {', '.join(empty)} at venue '{market.venue}'",
            "run 'trading data import', or set MARKET__VENUE to where they were imported",
        )
    return found
