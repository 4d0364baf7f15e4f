"""The first model of a newcomer: trained on the synthetic history, and named so."""

from datetime import UTC

import market_data.app
from launcher.candles import as_arrays, is_synthetic, traded_market
from launcher.console import err
from launcher.models_home import models_folder
from launcher.progress import steps
from market_data.settings import MarketDataSettings
from models.booster import BoosterParams
from models.manifest import LabelRule
from models.registry import Registry
from models.train import TrainingConfig, train_models
from shared.runtime.settings import PlatformSettings, load

_ROUNDS = 120


def ensure_demo_model(settings: PlatformSettings) -> None:
    """Train a model where the market is synthetic and there is none yet."""
    market = settings.market
    source = load(MarketDataSettings)
    folder = models_folder(settings)
    if not is_synthetic(settings) or Registry(folder).releases():
        return
    err.print(
        "No model yet: training a demonstration model on [bold]synthetic[/] candles "
        "(once; it says nothing about real markets)."
    )
    synthetic = market_data.app.synthetic_market(source, market)
    config = TrainingConfig(
        market=traded_market(settings),
        label=LabelRule(fee_ratio=market.fee_ratio, slippage_ratio=market.slippage_ratio),
        booster=BoosterParams(max_rounds=_ROUNDS),
    )
    with steps("training") as report:
        train_models(
            as_arrays(synthetic.history()), config, folder, source.start.astimezone(UTC), report
        )
