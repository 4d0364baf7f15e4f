"""Assembly of the recommender."""

from recommender.handlers.pipeline import RecommenderHandlers
from recommender.routes import rebalances_router, router
from recommender.settings import RecommenderSettings
from shared.runtime.service import Runtime, Service, create_api, new_metrics

NAME = "recommender"
PORT = 8022


def build(settings: RecommenderSettings, runtime: Runtime) -> Service:
    market = runtime.settings.market
    policy = settings.policy(runtime.settings)
    metrics = new_metrics(NAME)
    handlers = RecommenderHandlers(
        policy=policy,
        venue=market.venue,
        max_book_age=settings.max_book_age(),
        metrics=metrics,
    )
    api = create_api(name=NAME, title="Recommender", runtime=runtime, metrics=metrics)
    transactions = runtime.transactions(NAME)
    api.include_router(
        router(
            transactions=transactions,
            symbols=frozenset(market.symbols),
            policy=policy,
            metrics=metrics,
        )
    )
    api.include_router(rebalances_router(transactions, policy.account))
    return Service(name=NAME, port=PORT, api=api, metrics=metrics, handlers=handlers.by_topic())
