"""Assembly of the signal generator."""

from datetime import timedelta
from threading import Event

from models.features import load_compiled
from models.manifest import TradedMarket
from models.registry import Registry
from shared.http.probes import Check
from shared.runtime.service import Runtime, Service, Work, create_api, new_metrics
from shared.runtime.settings import Mode
from signal_generator.core.asking import ModelSets
from signal_generator.handlers import SignalGeneratorHandlers
from signal_generator.repository.monitoring import Monitoring
from signal_generator.repository.promotion import Promotions
from signal_generator.repository.releases import Releases
from signal_generator.repository.shown import show_stored
from signal_generator.routes import Desk, router
from signal_generator.settings import SignalGeneratorSettings
from signal_generator.tasks import ModelWatch

NAME = "signal_generator"
PORT = 8025


def build(settings: SignalGeneratorSettings, runtime: Runtime) -> Service:
    load_compiled()
    market = runtime.settings.market
    metrics = new_metrics(NAME)
    metrics.model_retrain_seconds.set(timedelta(days=settings.retrain_days).total_seconds())
    policy = settings.policy(market.fee_ratio, market.slippage_ratio)
    root = settings.models_dir or runtime.settings.trading_state_dir / "models"
    registry = Registry(
        root,
        TradedMarket.of(market.venue, market.interval, market.symbols),
        trust=lambda: settings.trust(runtime.settings),
        wants_gate=runtime.settings.mode is Mode.LIVE,  # whoever may write aliases gets no further
    )
    watch = ModelWatch(registry, market.symbols, metrics, runtime.clock)
    watch.look()
    transactions = runtime.transactions(NAME)
    handlers = SignalGeneratorHandlers(
        models=ModelSets(registry.current),
        policy=policy,
        symbols=market.symbols,
        metrics=metrics,
        monitoring=Monitoring(runtime.settings.account, registry, policy, metrics, watch.look)
        if settings.monitoring
        else None,
    )

    def look_for_models(stop: Event) -> None:
        while not stop.wait(settings.refresh_seconds):
            watch.look()

    api = create_api(
        name=NAME,
        title="Signal generator",
        runtime=runtime,
        metrics=metrics,
        checks=[Check(name="models", problem=lambda: _refused_models(registry))],
        shows=lambda: {"champions": _champions(registry)},
    )
    api.include_router(
        router(
            Desk(
                transactions=transactions,
                registry=registry,
                releases=Releases(registry),
                policy=policy,
                symbols=frozenset(market.symbols),
                promotions=Promotions(
                    root=root,
                    registry=registry,
                    transactions=transactions,
                    may_override=runtime.settings.mode is not Mode.LIVE,
                ),
                look_for_models=watch.look,
            )
        )
    )
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=metrics,
        handlers=handlers.by_topic(),
        tasks=(
            Work(name="models", run=look_for_models),
            Work(name="health", run=lambda stop: show_stored(metrics, transactions, stop)),
        ),
        is_shared=True,
    )


def _champions(registry: Registry) -> dict[str, str]:
    return {scope: model.release_id for scope, model in registry.champions().items()}


def _refused_models(registry: Registry) -> str | None:
    """Return which models cannot be believed; or that there is none, and nothing to say without."""
    failures = registry.failures()
    if not failures and not registry.champions():
        return "there is no champion: train models with 'trading train' and promote one"
    return "; ".join(f"{scope}: {why}" for scope, why in failures.items()) or None
