"""A synthetic run goes on trading for as long as somebody watches it."""

from datetime import timedelta

import numpy as np
import pytest

from launcher.policies import backtest_spec
from market_data.app import synthetic_market
from market_data.feeds.synthetic import SyntheticFeed
from market_data.settings import MarketDataSettings
from models.features import FEATURE_NAMES
from shared.domain.enums import Action
from shared.runtime.settings import PlatformSettings, load
from signal_generator.core.belief import Belief
from signal_generator.core.scoring import generate_signal

EXPIRED_BY_DEFAULT = 504


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, Action.BUY),
        ({"SIGNAL_GENERATOR__RETRAIN_DAYS": "7"}, Action.HOLD),
        ({"MARKET__VENUE": "binance", "MARKET_DATA__SOURCE": "replay"}, Action.HOLD),
    ],
)
def test_the_model_of_a_synthetic_run_still_buys_after_candle_504(monkeypatch, environment, says):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load(PlatformSettings)
    source = load(MarketDataSettings)
    market = synthetic_market(source, settings.market)
    after = source.start + timedelta(hours=EXPIRED_BY_DEFAULT - 1)
    candle = next(SyntheticFeed(market).instants(after)).candles[0]
    vector = np.where([name == "ewma_vol_94" for name in FEATURE_NAMES], 0.01, 0.1)
    belief = Belief(
        release_id="GLOBAL_full_dataset_cpu_xgboost_model_20240101_000000",
        created_at=source.start,
        horizon_candles=24,
        stop_multiple=1.0,
        target_multiple=1.0,
        average_win=1.0,
        average_loss=1.0,
        reference_kelly=2.0,
        probability=0.9,
        probability_raw=0.9,
        neighbours=500.0,
    )
    scoring = backtest_spec(settings).scoring
    signal = generate_signal(candle, settings.market.interval, vector, belief, scoring)
    assert signal.action is says
    assert (signal.reasons == ("model_expired",)) is (says is Action.HOLD)
    assert signal.confidence == (1.0 if says is Action.BUY else 0.0)
