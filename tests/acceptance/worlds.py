"""Settings, candles and models for whole-platform runs."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from launcher.candles import as_arrays, traded_market
from market_data.core.candles import Series
from market_data.core.integrity import RepairPolicy, inspect
from market_data.feeds.files import read_file
from market_data.feeds.synthetic import HISTORY_CANDLES, SyntheticMarket
from models.booster import BoosterParams
from models.train import TrainingConfig, train_models
from shared.bus.unit_of_work import CommitHook
from shared.db.engine import DatabaseAddress
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.runtime.settings import MarketSettings, PlatformSettings, load
from tests.acceptance.drive import Drive
from tests.swiftly import SWIFTLY

START = datetime(2024, 1, 1, tzinfo=UTC)
RULES_ONLY = {"ml_weight": 0.0, "ema_rsi_weight": 1.0}

# a market that trades a lot between its 60th and 72nd candle: where the crash tests kill
WARM, KILLED, SEED = 60, 12, 292
SHORT_LIVED_TRADES = {
    "SIGNALS__ML_WEIGHT": "0",
    "SIGNALS__EMA_RSI_WEIGHT": "1",
    "SIGNALS__HORIZON_CANDLES": "5",
    "RISK__MIN_BARRIER_COSTS": "1",
}


def settings_on(address: DatabaseAddress, folder: Path, **market: object) -> PlatformSettings:
    """Return mock settings on a database, keeping files in `folder`."""
    server = {} if address.is_embedded else {
        "db_host": address.host, "db_port": address.port, "db_user": address.user,
    }  # fmt: skip
    state = address.file.parent if address.is_embedded else folder
    return load(
        PlatformSettings,
        trading_state_dir=state,
        allow_unsigned_models=True,  # these models are trained without a key
        market=load(MarketSettings, **market),
        **server,
    )


def synthetic(settings: PlatformSettings, seed: int = 7) -> SyntheticMarket:
    market = settings.market
    return SyntheticMarket(
        instruments=market.catalogue(), interval=market.interval, seed=seed, start=START
    )


def train_on_history(settings: PlatformSettings, folder: Path) -> None:
    """Train real models on the synthetic history before START."""
    history = synthetic(settings).history(HISTORY_CANDLES)
    config = TrainingConfig(
        market=traded_market(settings), booster=BoosterParams(max_rounds=80), **SWIFTLY
    )
    train_models(as_arrays(history), config, folder, START, lambda _what, _share: None)


@cache
def recorded_series(file: Path, symbol: str) -> Series:
    found = inspect(read_file(file), Symbol(symbol), Interval.H1, RepairPolicy()).series
    assert found is not None
    return found


def hours(count: int) -> datetime:
    return START + timedelta(hours=count)


def life(
    address: DatabaseAddress, folder: Path, instants: int, hook: CommitHook | None = None
) -> Drive:
    """Return one life of the platform in the market of the crash tests."""
    overrides = {"market_data": {"limit": instants, "seed": SEED}}
    return Drive(settings=settings_on(address, folder), overrides=overrides, hook=hook)
