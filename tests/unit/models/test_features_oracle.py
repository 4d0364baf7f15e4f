"""Features against TA-Lib, an independent implementation."""

import numpy as np
import pytest
import talib

from models.features import FEATURE_NAMES, WARM_UP, batch

CLOSE_TO = 1e-9


@pytest.fixture(scope="module", params=["golden_series", "real_series"])
def market(request):
    candles, reference, closed_at, is_filled = request.getfixturevalue(request.param)
    if request.param == "real_series":
        candles = np.c_[
            np.rint(candles[:, :4] * 100), candles[:, 4]
        ]  # ticks: TA-Lib's ties are exact
    series = {
        name: np.ascontiguousarray(candles[:, column])
        for column, name in enumerate(("open", "high", "low", "close", "volume"))
    }
    vectors = batch(candles, reference, closed_at, is_filled)
    return series, np.ascontiguousarray(reference[:, 3]), vectors


def ema(values, periods):
    return talib.EMA(values, periods)


def ppo(values):
    return ema(values, 12) / ema(values, 26) - 1


def bands(close):
    return talib.BBANDS(close, 20, 2.0, 2.0)


def di_diff(high, low, close):
    plus, minus = talib.PLUS_DI(high, low, close, 14), talib.MINUS_DI(high, low, close, 14)
    return (plus - minus) / (plus + minus)


def bar(function, *periods):
    return lambda s, _: function(s["high"], s["low"], s["close"], *periods) / 100


def change_over_six(values):
    return values - np.r_[np.full(6, np.nan), values[:-6]]


ORACLES = {
    "ret_24": lambda s, _: np.log1p(talib.ROCP(s["close"], 24)),
    "sma_dist_72": lambda s, _: s["close"] / talib.SMA(s["close"], 72) - 1,
    "sma_dist_168": lambda s, _: s["close"] / talib.SMA(s["close"], 168) - 1,
    "ema_dist_12": lambda s, _: s["close"] / ema(s["close"], 12) - 1,
    "ema_dist_50": lambda s, _: s["close"] / ema(s["close"], 50) - 1,
    "ppo_12_26": lambda s, _: ppo(s["close"]),
    "ppo_hist_12_26_9": lambda s, _: (
        ppo(s["close"]) - np.r_[np.full(25, np.nan), ema(ppo(s["close"])[25:], 9)]
    ),
    "slope_24": lambda s, _: talib.LINEARREG_SLOPE(np.log(s["close"]), 24),
    "slope_72": lambda s, _: talib.LINEARREG_SLOPE(np.log(s["close"]), 72),
    "adx_14": bar(talib.ADX, 14),
    "di_diff_14": lambda s, _: di_diff(s["high"], s["low"], s["close"]),
    "aroon_osc_24": lambda s, _: talib.AROONOSC(s["high"], s["low"], 24) / 100,
    "rsi_6": lambda s, _: talib.RSI(s["close"], 6) / 100,
    "rsi_14": lambda s, _: talib.RSI(s["close"], 14) / 100,
    "rsi_14_chg_6": lambda s, _: change_over_six(talib.RSI(s["close"], 14)) / 100,
    "stoch_k_14": lambda s, _: (
        talib.STOCHF(s["high"], s["low"], s["close"], fastk_period=14, fastd_period=1)[0] / 100
    ),
    "cci_20": bar(talib.CCI, 20),
    "mfi_14": lambda s, _: talib.MFI(s["high"], s["low"], s["close"], s["volume"], 14) / 100,
    "ultosc_7_14_28": bar(talib.ULTOSC, 7, 14, 28),
    "natr_14": bar(talib.NATR, 14),
    "bb_width_20": lambda s, _: (
        (bands(s["close"])[0] - bands(s["close"])[2]) / bands(s["close"])[1]
    ),
    "bb_pctb_20": lambda s, _: (
        (s["close"] - bands(s["close"])[2]) / (bands(s["close"])[0] - bands(s["close"])[2])
    ),
    "high_dist_24": lambda s, _: s["close"] / talib.MAX(s["high"], 24) - 1,
    "low_dist_24": lambda s, _: s["close"] / talib.MIN(s["low"], 24) - 1,
    "high_dist_168": lambda s, _: s["close"] / talib.MAX(s["high"], 168) - 1,
    "low_dist_168": lambda s, _: s["close"] / talib.MIN(s["low"], 168) - 1,
    "ref_rsi_14": lambda _, r: talib.RSI(r, 14) / 100,
    "ref_ppo_12_26": lambda _, r: ppo(r),
    "corr_ref_72": lambda s, r: np.r_[
        np.nan, talib.CORREL(np.diff(np.log(s["close"])), np.diff(np.log(r)), 72)
    ],
}
SEEDED = {"adx_14", "di_diff_14"}
"""Wilder's sums start differently there, which warm-up leaves within a millionth."""


@pytest.mark.parametrize("name", ORACLES)
def test_a_feature_agrees_with_its_oracle_after_warm_up(market, name):
    series, reference, vectors = market
    column = FEATURE_NAMES.index(name)
    warm = slice(WARM_UP[column] - 1, None)
    expected = ORACLES[name](series, reference)[warm]
    tolerance = 1e-5 if name in SEEDED else CLOSE_TO
    np.testing.assert_allclose(vectors[warm, column], expected, rtol=CLOSE_TO, atol=tolerance)


def test_every_named_oracle_is_asked():
    from models.features import CATALOGUE

    assert {feature.name for feature in CATALOGUE if feature.oracle} == set(ORACLES)
