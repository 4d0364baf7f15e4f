"""Puts risk together."""

from risk.core.limits import Costs
from risk.handlers.book import ORDER_FACTS, BookKeeper
from risk.handlers.review import Reviewer
from risk.handlers.venue import VenueWatch
from risk.repository.account import lock_account
from risk.repository.policy import Opening, find_limits, open_account
from risk.routes import Desk, router
from risk.settings import RiskSettings
from shared.bus.consumer import Handler
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.enums import TradingState
from shared.domain.events import (
    EquityMarked,
    ExternalOrdersSeen,
    PositionChanged,
    RecommendationExpired,
    RecommendationsIssued,
    VenueSurprised,
)
from shared.http.probes import Check
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import Mode

NAME = "risk"
PORT = 8027
_POLL_SECONDS = 0.25


def build(settings: RiskSettings, runtime: Runtime) -> Service:
    platform = runtime.settings
    transactions = runtime.transactions(NAME)
    metrics = new_metrics()
    opening = Opening(
        account=platform.account,
        quote=platform.market.quote,
        limits=settings.limits(),
        state=TradingState.HALT if platform.mode is Mode.LIVE else TradingState.RUN,
    )
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
        interval=platform.market.interval,
    )
    api.include_router(router(desk))
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        handlers=_handlers(reviewer),
        tasks=(Work(name="opening", run=lambda _stop: _open(transactions, opening)),),
        poll_seconds=_POLL_SECONDS,
    )


def _handlers(reviewer: Reviewer) -> dict[str, Handler]:
    """Return the handlers, what is known of the account before what is decided by it."""
    opening, metrics = reviewer.opening, reviewer.metrics
    book = BookKeeper(opening=opening, fee_factor=reviewer.costs.fee_factor, metrics=metrics)
    venue = VenueWatch(opening=opening, metrics=metrics)
    orders: dict[str, Handler] = {fact.topic: book.on_orders for fact in ORDER_FACTS}
    return {
        **orders,
        RecommendationExpired.topic: book.on_recommendations_expired,
        PositionChanged.topic: book.on_positions_changed,
        EquityMarked.topic: book.on_equity_marked,
        ExternalOrdersSeen.topic: venue.on_external_orders_seen,
        VenueSurprised.topic: venue.on_venue_surprised,
        RecommendationsIssued.topic: reviewer.on_recommendations_issued,
    }


def _open(transactions: Transactions, opening: Opening) -> None:
    """Make sure the account has limits, as configured, and a trading state."""

    def work(uow: UnitOfWork) -> None:
        lock_account(uow.connection, opening.account)
        open_account(uow, opening)

    transactions.attempt(work)


def _problem(transactions: Transactions, opening: Opening) -> str | None:
    with transactions.read() as connection:
        if find_limits(connection, opening.account) is None:
            return "the account has no limits yet"
    return None
