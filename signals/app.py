"""Assembly of the signals service."""

from shared.runtime.service import Runtime, Service, create_api, new_metrics
from signals.handlers import SignalHandlers
from signals.routes import router
from signals.settings import SignalsSettings

NAME = "signals"
PORT = 8028


def build(settings: SignalsSettings, runtime: Runtime) -> Service:
    metrics = new_metrics(NAME)
    handlers = SignalHandlers(
        policy=settings.rules(),
        initial_weights=settings.weights(),
        threshold=settings.threshold,
        metrics=metrics,
    )
    api = create_api(name=NAME, title="Signals", runtime=runtime, metrics=metrics)
    market = runtime.settings.market
    api.include_router(
        router(
            transactions=runtime.transactions(NAME),
            symbols=frozenset(market.symbols),
            interval=market.interval,
            initial_weights=settings.weights(),
        )
    )
    return Service(name=NAME, port=PORT, api=api, metrics=metrics, handlers=handlers.by_topic())
