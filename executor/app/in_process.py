"""The executor of the simulated venue: answers are a rule of ours, booked where they are asked."""

from collections.abc import Mapping

from executor.app.name import NAME, POLL_SECONDS, PORT
from executor.core.matching import Listing
from executor.handlers.announce import count_from_zero
from executor.handlers.candles import Floor
from executor.handlers.claims import Claims
from executor.handlers.wishes import Wishes
from executor.routes import Desk, router
from executor.routes.answers import VenueOut
from executor.settings import ExecutorSettings
from executor.tasks.comparing import Reconciler
from executor.venues.simulated import SimulatedVenue
from shared.bus.consumer import Handler
from shared.domain.clock import SystemClock
from shared.domain.events import (
    CandlesClosed,
    OrderSubmitted,
    RecommendationApproved,
    TradingStateChanged,
)
from shared.domain.ids import Symbol
from shared.http.probes import Check
from shared.runtime.metrics import Metrics
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics


def build_in_process(settings: ExecutorSettings, runtime: Runtime) -> Service:
    metrics = new_metrics(NAME)
    floor = _floor(settings, runtime, metrics)
    reconciler = floor.claims.reconciler
    api = create_api(
        name=NAME,
        title="Executor",
        runtime=runtime,
        metrics=metrics,
        checks=[Check(name="recovered", problem=reconciler.problem)],
    )
    transactions = runtime.transactions(NAME)
    desk = Desk(
        transactions=transactions,
        account=runtime.settings.account,
        wishes=Wishes(claims=floor.claims, transactions=transactions),
        symbols=tuple(floor.listings),
        venues=lambda: [_venue(floor)],
        reconcile=reconciler.reconcile,
    )
    api.include_router(router(desk))
    count_from_zero(floor.claims.venue.name, metrics)
    metrics.executor_leader.set(1)  # the simulated venue has one executor, and no lease to lose
    metrics.order_unknown_outcomes.set(0)  # nor does an answer of it get lost
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        handlers=_handlers(floor),
        tasks=(Work(name="reconcile", run=reconciler.run),),
        poll_seconds=POLL_SECONDS,
    )


def _venue(floor: Floor) -> VenueOut:
    venue, listings = floor.claims.venue, list(floor.listings.values())
    return VenueOut.of(venue.name, listings, is_in_process=venue.is_in_process)


def _handlers(floor: Floor) -> Mapping[str, Handler]:
    return {
        RecommendationApproved.topic: floor.claims.on_recommendations_approved,
        OrderSubmitted.topic: floor.claims.on_orders_submitted,
        TradingStateChanged.topic: floor.claims.on_trading_state_changed,
        CandlesClosed.topic: floor.on_candles_closed,
    }


def _floor(settings: ExecutorSettings, runtime: Runtime, metrics: Metrics) -> Floor:
    platform = runtime.settings
    transactions = runtime.transactions(NAME)
    policy = settings.policy(platform)
    rules = settings.rules(platform)
    instruments = {one.symbol: one for one in platform.market.catalogue()}
    venue = SimulatedVenue(
        name=policy.venue,
        account=platform.account,
        instruments=instruments,
        read=transactions.read,
    )
    reconciler = Reconciler(
        transactions=transactions,
        venue=venue,
        account=platform.account,
        metrics=metrics,
        wall_time=SystemClock().now,
        every_seconds=settings.reconcile_seconds,
    )
    claims = Claims(
        account=platform.account,
        policy=policy,
        venue=venue,
        reconciler=reconciler,
        metrics=metrics,
    )
    listings: dict[Symbol, Listing] = {
        symbol: Listing(instrument=instrument, rules=rules, policy=policy)
        for symbol, instrument in instruments.items()
    }
    return Floor(claims=claims, interval=platform.market.interval, listings=listings)
