"""Puts portfolio together."""

from functools import partial

from portfolio.core.books import BooksPolicy
from portfolio.handlers import Bookkeeper
from portfolio.handlers.found import Finder
from portfolio.handlers.movements import Movements
from portfolio.handlers.posting import Poster
from portfolio.handlers.rebalancing import Rebalancing
from portfolio.repository.opening import opened_in
from portfolio.routes import Desk, movements_router, rebalance_router, router
from portfolio.settings import PortfolioSettings
from portfolio.tasks import CatchUp
from shared.bus.unit_of_work import Transactions
from shared.http.probes import Check
from shared.runtime.service import Runtime, Service, Work, add_check, create_api, new_metrics

NAME = "portfolio"
PORT = 8026


def build(settings: PortfolioSettings, runtime: Runtime) -> Service:
    metrics = new_metrics(NAME)
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
    transactions = desk.transactions
    add_check(api, Check(name="currency", problem=lambda: _another_currency(transactions, policy)))
    sweep = settings.sweep(runtime.settings)
    sweeping = None if sweep is None else partial(rebalancing.sweep, sweep)
    bookkeeper = Bookkeeper(policy=policy, metrics=metrics, sweeping=sweeping)
    catch_up = CatchUp(transactions=desk.transactions, finder=Finder(policy=policy, poster=poster))
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        handlers=bookkeeper.handlers(),
        tasks=(
            Work(name="catch_up", run=catch_up.run),
            Work(
                name="books",
                run=lambda _stop: bookkeeper.show(transactions, transactions.clock.now()),
            ),
        ),
    )


def _another_currency(transactions: Transactions, policy: BooksPolicy) -> str | None:
    """Return what is wrong where the books were opened in another currency than they go on in."""
    with transactions.read() as connection:
        opened = opened_in(connection, policy.account)
    if opened in (None, policy.quote):
        return None
    return (
        f"the books were opened in {opened} and are now reckoned in {policy.quote}: set "
        f"MARKET__REPORTING_CURRENCY={opened}, or use another database"
    )
