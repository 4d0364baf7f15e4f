"""The first model of a newcomer: trained on the synthetic history, and named so."""

from datetime import UTC, timedelta
from pathlib import Path

import market_data.app
from launcher.candles import as_arrays, is_synthetic, traded_market
from launcher.console import err, out
from launcher.model_keys import signer_of, trust_of
from launcher.models_home import models_folder, served_folder
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


def demo() -> None:
    """Make the demonstration model, unless there are models; for containers, which never train."""
    settings = load(PlatformSettings)
    folder = served_folder(settings)
    if ensure_demo_model(settings, folder):
        out.print(f"The demonstration model is in {folder}.", markup=False, soft_wrap=True)
    elif is_synthetic(settings):
        out.print(f"There are models in {folder}: nothing to do.", markup=False, soft_wrap=True)
    else:
        out.print("These candles are not invented: 'trading train' makes models of them.")


def ensure_demo_model(settings: PlatformSettings, folder: Path | None = None) -> bool:
    """Train a model where the market is synthetic and there is none yet; tell whether it was so.

    `folder` is that of the models, of the state folder where none is named.
    """
    market = settings.market
    source = load(MarketDataSettings)
    folder = folder or models_folder(settings)
    if not is_synthetic(settings) or Registry(folder, trust=NOBODY).releases():
        return False
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
    return True
