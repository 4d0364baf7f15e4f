"""The first model of a newcomer: trained on the synthetic history, and named so."""

from datetime import UTC, timedelta

import market_data.app
from launcher.candles import as_arrays, is_synthetic, traded_market
from launcher.console import err
from launcher.model_keys import signer_of, trust_of
from launcher.models_home import models_folder
from launcher.progress import steps
from market_data.settings import MarketDataSettings
from models.aliases import Role
from models.booster import BoosterParams
from models.manifest import LabelRule
from models.registry import Registry
from models.signing import NOBODY
from models.train import TrainingConfig, train_models
from models.training.pool import Pool, cores
from models.validation import WalkForwardRule
from shared.runtime.settings import PlatformSettings, load

_ROUNDS, _FOLDS, _TEST_DAYS, _DRAWS = 120, 3, 150, 100
_FOREVER = timedelta(days=3650)


def ensure_demo_model(settings: PlatformSettings) -> None:
    """Train a model where the market is synthetic and there is none yet."""
    market = settings.market
    source = load(MarketDataSettings)
    folder = models_folder(settings)
    if not is_synthetic(settings) or Registry(folder, trust=NOBODY).releases():
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
        walk=WalkForwardRule(embargo_seconds=0, folds=_FOLDS, test_days=_TEST_DAYS),
        configurations=1,
        looks_for_leaks=False,
        draws=_DRAWS,
        role=Role.CHAMPION,
        expires_after=_FOREVER,
        pool=Pool(jobs=cores()),
        signer=signer_of(settings),
        trust=trust_of(settings),
    )
    with steps("training") as report:
        train_models(
            as_arrays(synthetic.history()), config, folder, source.start.astimezone(UTC), report
        )
