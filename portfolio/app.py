"""Puts portfolio together."""

from portfolio.handlers import Bookkeeper
from portfolio.handlers.movements import Movements
from portfolio.handlers.posting import Poster
from portfolio.handlers.rebalancing import Rebalancing
from portfolio.routes import Desk, movements_router, rebalance_router, router
from portfolio.settings import PortfolioSettings
from shared.http.probes import Check
from shared.runtime.service import Runtime, Service, add_check, create_api, new_metrics

NAME = "portfolio"
PORT = 8026


def build(settings: PortfolioSettings, runtime: Runtime) -> Service:
    metrics = new_metrics()
    policy = settings.policy(runtime.settings)
    api = create_api(name=NAME, title="Portfolio", runtime=runtime, metrics=metrics)
    desk = Desk(
        transactions=runtime.transactions(NAME),
        policy=policy,
        instruments={one.symbol: one for one in runtime.settings.market.catalogue()},
        lot_method=settings.lot_method,
    )
    api.include_router(router(desk))
    rebalancing = Rebalancing(policy=policy, terms=settings.terms(runtime.settings))
    api.include_router(rebalance_router(desk.transactions, rebalancing))
    poster = Poster(policy=policy, metrics=metrics)
    movements = Movements(policy=policy, poster=poster)
    api.include_router(movements_router(desk.transactions, movements))
    add_check(api, Check(name="books", problem=lambda: poster.problem(desk.transactions)))
    bookkeeper = Bookkeeper(policy=policy, metrics=metrics)
    return Service(name=NAME, port=PORT, api=api, metrics=metrics, handlers=bookkeeper.handlers())
