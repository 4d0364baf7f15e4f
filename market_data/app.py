"""Assembly of market_data."""

from dataclasses import dataclass

from market_data import repository
from market_data.core.candles import Series
from market_data.core.integrity import RepairPolicy
from market_data.core.live import disagreements, last_close
from market_data.feeds.port import Feed
from market_data.feeds.replay import ReplayFeed
from market_data.feeds.synthetic import SyntheticFeed, SyntheticMarket
from market_data.feeds.venue import VenueFeed, VenueTime
from market_data.repository import Shelf
from market_data.routes import Desk, router
from market_data.settings import MarketDataSettings, Source, live_venue
from market_data.tasks import Filler, Freshness, Publisher, read_recordings
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.http.probes import Check
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics
from shared.runtime.one_market import another_market
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import ConfigurationError, MarketSettings
from venues.budget import LocalBudget
from venues.errors import VenueError
from venues.lanes import LanedVenue
from venues.naming import REAL
from venues.port import VenueAddress, VenueKeys

NAME = "market_data"
PORT = 8021
SYNTHETIC_VENUE = "synthetic"

log = get_logger()


def build(settings: MarketDataSettings, runtime: Runtime) -> Service:
    market = runtime.settings.market
    metrics = new_metrics(NAME)
    metrics.candle_interval_seconds.set(market.interval.seconds)
    transactions = runtime.transactions(NAME)
    shelf = Shelf(venue=market.venue, interval=market.interval)
    settings.refuse_in_mode(runtime.settings)
    _refuse_mixing(settings.source, shelf, runtime)
    venue = _venue(settings, runtime, metrics) if settings.source is Source.VENUE else None
    publisher = Publisher(
        feed=_feed(settings, runtime) if venue is None else venue.feed,
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
        filler=None if venue is None else venue.filler,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _LiveMarket:
    feed: VenueFeed
    filler: Filler


def _venue(settings: MarketDataSettings, runtime: Runtime, metrics: Metrics) -> _LiveMarket:
    """Return the live market; its rules are compared now, or by the feed where it is away."""
    market = runtime.settings.market
    venue = open_market(settings, market, metrics)
    is_admitted = False

    def admit() -> None:
        nonlocal is_admitted
        if not is_admitted:
            refuse_other_rules(venue, market)
            is_admitted = True

    try:
        admit()
    except VenueError as error:
        log.warning("venue.does_not_answer", venue=venue.name, error=error.detail)
    skew = metrics.venue_clock_skew_seconds.labels(venue=venue.name)
    feed = VenueFeed(
        venue=venue,
        time=VenueTime(venue, runtime.clock, lambda offset: skew.set(offset.total_seconds())),
        symbols=market.symbols,
        interval=market.interval,
        rhythm=settings.rhythm(),
        admit=admit,
    )
    shelf = Shelf(venue=market.venue, interval=market.interval)
    transactions = runtime.transactions(NAME)
    return _LiveMarket(
        feed=feed, filler=Filler(venue=venue, shelf=shelf, transactions=transactions)
    )


def open_market(
    settings: MarketDataSettings, market: MarketSettings, metrics: Metrics
) -> LanedVenue:
    """Return the venue as anybody may ask it: without a key, only about the market."""
    from venues.opening import Credentials, open_venue  # noqa: PLC0415 - brings what sends requests

    name = live_venue(market)
    url, authority = settings.venue_url, settings.venue_authority
    there = None if authority is None else str(authority)
    credentials = Credentials(
        keys=VenueKeys(),
        address=REAL[name] if url is None else VenueAddress(rest=url, stream="", authority=there),
        budget=LocalBudget(venue=name),
    )

    def observe(operation: str, outcome: str, seconds: float) -> None:
        metrics.venue_request_seconds.labels(name, operation, outcome).observe(seconds)

    return open_venue(name, credentials, observe)


def refuse_other_rules(venue: LanedVenue, market: MarketSettings) -> None:
    """Refuse what the venue does not have: an instrument, a length of candles, so fine a step.

    Raises:
        ConfigurationError: naming each, with both values.
        VenueError: the venue could not be asked.
    """
    listed = {one.instrument.symbol: one for one in venue.rules()}
    found = disagreements(market.catalogue(), listed)
    if found:
        raise ConfigurationError(
            f"MARKET__INSTRUMENTS, MARKET__RULES: {venue.name} would refuse orders: "
            f"{'; '.join(found)}; put what 'trading data rules' prints into the file that "
            "TRADING_CONFIG names"
        )
    end = last_close(SystemClock().now(), market.interval)
    try:
        venue.candles(market.symbols[0], market.interval, end - market.interval.delta, end)
    except BadInput as error:
        raise ConfigurationError(f"MARKET__INTERVAL: {error.problem}; {error.remedy}") from error


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
    shelf = Shelf(venue=market.venue, interval=market.interval)
    policy = RepairPolicy(max_bridge=settings.max_bridge)
    return read_recordings(settings.files, market.symbols, shelf, policy)
