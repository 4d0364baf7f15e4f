"""Puts risk together."""

from collections.abc import Sequence

from risk.core.limits import Costs
from risk.handlers.alarms import AlarmWatch
from risk.handlers.book import ORDER_FACTS, BookKeeper
from risk.handlers.conduct import OUTCOME_FACTS, ConductWatch
from risk.handlers.market import MarketWatch
from risk.handlers.review import Reviewer
from risk.handlers.shown import show_account
from risk.handlers.venue import VenueWatch
from risk.handlers.watch import Watch
from risk.repository.account import lock_account
from risk.repository.market import Shelf
from risk.repository.policy import Opening, find_limits, open_account
from risk.routes import Desk, router
from risk.settings import RiskSettings
from risk.tasks.silence import CandleFeed, SilenceWatch
from risk.tasks.state_file import FileWatch, read_wish
from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.candle import shards
from shared.domain.enums import TradingState
from shared.domain.events import (
    BalanceMoved,
    CandlesClosed,
    EquityMarked,
    ExternalOrdersSeen,
    PositionChanged,
    QuotesSeen,
    RecommendationExpired,
    RecommendationsIssued,
    RoundTripClosed,
    TradingAlarmed,
    VenueSurprised,
)
from shared.http.probes import Check
from shared.runtime.metrics import Metrics
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import Mode, PlatformSettings

NAME = "risk"
PORT = 8027
_POLL_SECONDS = 0.25
# a paused risk, or one whose machine is gone, must keep nobody from the halt: both wait for locks
_IDLE_SECONDS = 2


def build(settings: RiskSettings, runtime: Runtime) -> Service:
    platform = runtime.settings
    transactions = own_transactions(runtime)
    metrics = new_metrics(NAME)
    opening = opening_of(settings, platform)
    feed = _feed(runtime)
    watch = watch_of(settings, opening, metrics, feed)
    reviewer = Reviewer(
        opening=opening,
        costs=Costs(
            fee_ratio=platform.market.fee_ratio, slippage_ratio=platform.market.slippage_ratio
        ),
        instruments={one.symbol: one for one in platform.market.catalogue()},
        metrics=metrics,
    )
    check = Check(name="account", problem=lambda: _problem(transactions, opening))
    api = create_api(name=NAME, title="Risk", runtime=runtime, metrics=metrics, checks=[check])
    desk = Desk(
        transactions=transactions,
        opening=opening,
        reviewer=reviewer,
        watch=watch,
        interval=platform.market.interval,
    )
    api.include_router(router(desk))
    return Service(  # never shared: spending follows facts in the order they were said
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        handlers=_handlers(reviewer),
        tasks=(
            Work(name="opening", run=lambda _stop: _open(transactions, opening, metrics)),
            *_lookouts(settings, watch, feed, transactions),
        ),
        poll_seconds=_POLL_SECONDS,
        idle_seconds=_IDLE_SECONDS,
    )


def own_transactions(runtime: Runtime) -> Transactions:
    """Return what risk changes the database with: locks of one that falls silent are let go."""
    return runtime.transactions(NAME).hurried(_IDLE_SECONDS)


def opening_of(settings: RiskSettings, platform: PlatformSettings) -> Opening:
    return Opening(
        account=platform.account,
        quote=platform.market.quote,
        limits=settings.limits(),
        state=TradingState.HALT if platform.mode is Mode.LIVE else TradingState.RUN,
        shelf=Shelf(venue=platform.market.venue, interval=platform.market.interval),
        needs_quotes=settings.waits_for_quotes(platform.mode),
        venues={one.symbol: one.venue for one in platform.market.catalogue()},
    )


def watch_of(
    settings: RiskSettings, opening: Opening, metrics: Metrics, feed: CandleFeed | None = None
) -> Watch:
    """Return what looks at an account; without a feed candles are not waited for."""
    file = settings.state_file
    return Watch(
        opening=opening,
        metrics=metrics,
        read_feed=(lambda _connection, _now: None) if feed is None else feed.read,
        read_file=(lambda: None) if file is None else (lambda: read_wish(file)),
    )


def _feed(runtime: Runtime) -> CandleFeed | None:
    """Return how to look for candles; None in mock, where time stands still without them."""
    platform = runtime.settings
    if platform.mode is Mode.MOCK:
        return None
    market = platform.market
    return CandleFeed(
        venue=market.venue,
        interval=market.interval,
        shards=len(tuple(shards(market.symbols))),
        since=runtime.clock.now(),
    )


def _lookouts(
    settings: RiskSettings, watch: Watch, feed: CandleFeed | None, transactions: Transactions
) -> list[Work]:
    found: list[Work] = []
    if feed is not None:
        silence = SilenceWatch(feed=feed, watch=watch, transactions=transactions)
        found.append(Work(name="silence", run=silence.run))
    if settings.state_file is not None:
        file = FileWatch(path=settings.state_file, watch=watch, transactions=transactions)
        found.append(Work(name="state_file", run=file.run))
    return found


def _handlers(reviewer: Reviewer) -> dict[str, Handler]:
    """Return the handlers, what is known of the account before what is decided by it."""
    opening, metrics = reviewer.opening, reviewer.metrics
    book = BookKeeper(opening=opening, costs=reviewer.costs, metrics=metrics)
    venue = VenueWatch(opening=opening, metrics=metrics)
    alarms = AlarmWatch(opening=opening, metrics=metrics)
    market = MarketWatch(account=opening.account, shelf=opening.shelf)
    conduct = ConductWatch(account=opening.account)
    outcomes: dict[str, Handler] = {fact.topic: conduct.on_orders for fact in OUTCOME_FACTS}
    both = _one_after_another(conduct.on_orders, book.on_orders)
    orders: dict[str, Handler] = {fact.topic: both for fact in ORDER_FACTS}
    return {
        CandlesClosed.topic: market.on_candles_closed,
        QuotesSeen.topic: market.on_quotes_seen,
        **outcomes,
        **orders,
        RoundTripClosed.topic: conduct.on_round_trips_closed,
        RecommendationExpired.topic: book.on_recommendations_expired,
        PositionChanged.topic: book.on_positions_changed,
        BalanceMoved.topic: book.on_balances_moved,
        EquityMarked.topic: book.on_equity_marked,
        ExternalOrdersSeen.topic: venue.on_external_orders_seen,
        VenueSurprised.topic: venue.on_venue_surprised,
        TradingAlarmed.topic: alarms.on_trading_alarmed,
        RecommendationsIssued.topic: reviewer.on_recommendations_issued,
    }


def _one_after_another(first: Handler, second: Handler) -> Handler:
    def both(batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        first(batch, uow)
        second(batch, uow)

    return both


def _open(transactions: Transactions, opening: Opening, metrics: Metrics) -> None:
    """Make sure the account has limits, as configured, and a trading state, and show them."""

    def work(uow: UnitOfWork) -> None:
        lock_account(uow.connection, opening.account)
        open_account(uow, opening)

    transactions.attempt(work)
    with transactions.read() as connection:
        show_account(connection, opening, transactions.clock.now(), metrics)


def _problem(transactions: Transactions, opening: Opening) -> str | None:
    with transactions.read() as connection:
        if find_limits(connection, opening.account) is None:
            return "the account has no limits yet"
    return None
