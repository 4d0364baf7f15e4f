"""A backtest's policies: those of the services' own settings, value for value."""

from collections.abc import Sequence
from dataclasses import replace

from backtest.inputs import BacktestSpec, Speaker
from executor.settings import ExecutorSettings
from launcher.candles import traded_market
from launcher.demonstration import demonstration
from launcher.model_keys import trust_of
from launcher.models_home import served_folder
from models.registry import Registry
from portfolio.settings import PortfolioSettings
from recommender.settings import RecommenderSettings
from risk.core.limits import Costs
from risk.core.review import Terms
from risk.settings import RiskSettings
from shared.domain.ids import Symbol
from shared.runtime.settings import PlatformSettings, load
from signal_generator.settings import SignalGeneratorSettings
from signals.core.combine import Mixture
from signals.settings import SignalsSettings

_OPENING_VERSION = 1  # an account's first limits


def backtest_spec(settings: PlatformSettings) -> BacktestSpec:
    """Return what the services would be told with the configuration of this process."""
    market = settings.market
    signals = load(SignalsSettings)
    generator = load(SignalGeneratorSettings, **demonstration(settings).get("signal_generator", {}))
    executor = load(ExecutorSettings)
    books = load(PortfolioSettings).policy(settings)
    costs = Costs(fee_ratio=market.fee_ratio, slippage_ratio=market.slippage_ratio)
    return BacktestSpec(
        account=settings.account,
        interval=market.interval,
        opening_balance=books.opening_balance,
        opening_balances=books.opening_balances,
        currencies=books.currencies,
        rules=signals.rules(),
        scoring=generator.policy(market.fee_ratio, market.slippage_ratio),
        mixture=Mixture(weights=signals.weights(), threshold=signals.threshold),
        recommender=load(RecommenderSettings).policy(settings),
        risk=Terms(
            limits=replace(load(RiskSettings).limits(), version=_OPENING_VERSION),
            costs=costs,
            instruments={one.symbol: one for one in market.catalogue()},
        ),
        orders=executor.policy(settings),
        matching=executor.rules(settings),
    )


def speakers(
    settings: PlatformSettings, symbols: Sequence[Symbol], *, are_challengers: bool = False
) -> dict[Symbol, Speaker]:
    """Return the models that the signal generator would ask; none for an instrument without.

    `are_challengers`: those that only run in shadow, instead of those in service.
    """
    registry = Registry(served_folder(settings), traded_market(settings), trust=trust_of(settings))
    registry.refresh()
    models = registry.current()
    found = {
        symbol: models.shadow_for(symbol) if are_challengers else models.model_for(symbol)
        for symbol in symbols
    }
    return {
        symbol: Speaker(model=model, is_fallback=models.is_fallback(symbol, model))
        for symbol, model in found.items()
        if model is not None
    }
