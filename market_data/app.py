"""Assembly of market_data."""

from collections.abc import Sequence
from pathlib import Path

from market_data import repository
from market_data.core.candles import Series
from market_data.core.findings import Kind
from market_data.core.integrity import RepairPolicy
from market_data.feeds.naming import interval_in, symbol_in
from market_data.feeds.port import Feed
from market_data.feeds.replay import ReplayFeed
from market_data.feeds.synthetic import SyntheticFeed, SyntheticMarket
from market_data.repository import Shelf
from market_data.routes import Desk, router
from market_data.settings import MarketDataSettings, Source
from market_data.tasks import Freshness, Import, Publisher, inspect_file
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.http.probes import Check
from shared.runtime.logging import get_logger
from shared.runtime.one_market import another_market
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import ConfigurationError, MarketSettings

NAME = "market_data"
PORT = 8021
SYNTHETIC_VENUE = "synthetic"

log = get_logger()


def build(settings: MarketDataSettings, runtime: Runtime) -> Service:
    market = runtime.settings.market
    metrics = new_metrics()
    transactions = runtime.transactions(NAME)
    shelf = Shelf(venue=market.venue, interval=market.interval)
    _refuse_mixing(settings.source, shelf, runtime)
    publisher = Publisher(
        feed=_feed(settings, runtime),
        shelf=shelf,
        instruments=market.catalogue(),
        pace=settings.pace(),
        transactions=transactions,
        metrics=metrics,
    )
    api = create_api(
        name=NAME,
        title="Market data",
        runtime=runtime,
        metrics=metrics,
        checks=[Check(name="feed", problem=publisher.problem)],
    )
    desk = Desk(
        transactions=transactions,
        venue=market.venue,
        interval=market.interval,
        instruments=market.catalogue(),
    )
    api.include_router(router(desk))
    freshness = Freshness(
        shelf=shelf, symbols=market.symbols, transactions=transactions, metrics=metrics
    )
    feed = (Work(name="feed", run=publisher.run),)
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        tasks=(
            *(() if settings.source is Source.NONE else feed),
            Work(name="freshness", run=freshness.run),
        ),
    )


def _refuse_mixing(source: Source, shelf: Shelf, runtime: Runtime) -> None:
    """Let candles only into a database that has heard of the same feed, or of none."""
    if source is Source.SYNTHETIC and shelf.venue != SYNTHETIC_VENUE:
        raise ConfigurationError(
            f"MARKET__VENUE: '{shelf.venue}' would be given invented candles; set "
            f"MARKET_DATA__SOURCE=replay, or leave MARKET__VENUE at '{SYNTHETIC_VENUE}'"
        )
    if source is Source.NONE:
        return
    with runtime.transactions(NAME).read() as connection:
        others = repository.others(connection, shelf, source)
    if others:
        raise another_market(runtime.settings, " and ".join(others))


def synthetic_market(settings: MarketDataSettings, market: MarketSettings) -> SyntheticMarket:
    """Return the invented market these settings describe.

    Raises:
        ConfigurationError: no candle opens at its start.
    """
    settings.refuse_start_off_grid(market.interval)
    return SyntheticMarket(
        instruments=market.catalogue(),
        interval=market.interval,
        seed=settings.seed,
        start=settings.start,
    )


def _feed(settings: MarketDataSettings, runtime: Runtime) -> Feed:
    market = runtime.settings.market
    if settings.source is not Source.REPLAY:
        return SyntheticFeed(synthetic_market(settings, market), settings.limit)
    settings.refuse_start_off_grid(market.interval)
    recorded = _from_files(settings, market) if settings.files else _from_store(runtime)
    series = [one.between(settings.start, settings.end) for one in recorded]
    if not any(len(one) for one in series):
        raise BadInput(
            "MARKET_DATA__SOURCE",
            f"there are no {market.interval} candles of {market.venue} from {settings.start}",
            "import some with 'trading data import', or set MARKET_DATA__START",
        )
    return ReplayFeed(series)


def _from_store(runtime: Runtime) -> list[Series]:
    market = runtime.settings.market
    shelf = Shelf(venue=market.venue, interval=market.interval)
    with runtime.transactions(NAME).read() as connection:
        return [repository.load_series(connection, shelf, symbol) for symbol in market.symbols]


def _from_files(settings: MarketDataSettings, market: MarketSettings) -> list[Series]:
    """Return the series of the one file whose path names each instrument."""
    files = {symbol: _the_file_of(symbol, settings.files) for symbol in market.symbols}
    return [_recorded(path, symbol, settings, market) for symbol, path in files.items()]


def _the_file_of(symbol: Symbol, files: Sequence[Path]) -> Path:
    found = [path for path in files if symbol_in(path) == symbol]
    if len(found) != 1:
        raise BadInput(
            "MARKET_DATA__FILES",
            f"{len(found) or 'no'} files of {symbol}: {', '.join(map(str, found or files))}",
            f"give one whose path names it, as {symbol}_1h.csv or {symbol}/1h.parquet",
        )
    return found[0]


def _recorded(
    path: Path, symbol: Symbol, settings: MarketDataSettings, market: MarketSettings
) -> Series:
    found = inspect_file(
        Import(
            path=path,
            symbol=symbol,
            shelf=Shelf(venue=market.venue, interval=market.interval),
            policy=RepairPolicy(max_bridge=settings.max_bridge),
            file_interval=interval_in(path) or market.interval,
        )
    )
    if found.series is None:
        raise BadInput(
            "MARKET_DATA__FILES", f"'{path}': {found.refusal}", "see 'trading data check'"
        )
    say = log.warning if found.findings else log.info
    say(
        "file.read",
        file=str(path),
        symbol=symbol,
        rows=found.rows,
        candles=len(found.series),
        bridged=found.bridged,
        missing=found.missing,
        findings={kind.value: found.count(kind) for kind in Kind if found.count(kind)},
    )
    return found.series
