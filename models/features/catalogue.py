"""The 86 features: name, formula, warm-up, range and oracle of each, in column order."""

import json
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from models.features.layout import LOOKBACK

SCHEMA_VERSION = 1
"""Raised with any change of a primitive: a model and an engine of different schemas never meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """`warm_up` counts candles including the current one; `state` is W window, R recursion, - none.

    `oracle` names the TA-Lib function that must agree, empty where there is none.
    """

    group: str
    name: str
    formula: str
    warm_up: int
    low: float
    high: float
    state: str
    oracle: str


# group | name | formula | warm-up | range | state | oracle
_TABLE = """
A | ret_1 | ln(C[t]/C[t-1]) | 2 | -inf inf | W |
A | ret_3 | ln(C[t]/C[t-3]) | 4 | -inf inf | W |
A | ret_6 | ln(C[t]/C[t-6]) | 7 | -inf inf | W |
A | ret_12 | ln(C[t]/C[t-12]) | 13 | -inf inf | W |
A | ret_24 | ln(C[t]/C[t-24]) | 25 | -inf inf | W | ROCP
A | ret_72 | ln(C[t]/C[t-72]) | 73 | -inf inf | W |
A | ret_168 | ln(C[t]/C[t-168]) | 169 | -inf inf | W |
A | mom_z_24 | ret_24/(vol_168·sqrt(24)) | 169 | -inf inf | W |
A | mom_z_168 | ret_168/(vol_168·sqrt(168)) | 169 | -inf inf | W |
A | mom_accel_12 | ret_12[t]-ret_12[t-12] | 25 | -inf inf | W |
A | up_share_24 | mean_24(1[C>C[-1]]) | 25 | 0.0 1.0 | W |
A | gain_loss_24 | sum_24(r)/sum_24(abs(r)) | 25 | -1.0 1.0 | W |
B | k_range | (H-L)/O | 1 | 0.0 inf | W |
B | k_body_ratio | (C-O)/(H-L) | 1 | -1.0 1.0 | W |
B | k_upper_ratio | (H-max(O,C))/(H-L) | 1 | 0.0 1.0 | W |
B | k_lower_ratio | (min(O,C)-L)/(H-L) | 1 | 0.0 1.0 | W |
B | k_clv | (2C-H-L)/(H-L) | 1 | -1.0 1.0 | W |
B | k_clv_mean_12 | mean_12(CLV), CLV=0 on flat bar | 12 | -1.0 1.0 | W |
B | k_range_rel_24 | (H-L)/mean_24(H-L) | 24 | 0.0 24.0 | W |
C | sma_dist_72 | C/SMA_72-1 | 72 | -1.0 inf | W | SMA
C | sma_dist_168 | C/SMA_168-1 | 168 | -1.0 inf | W | SMA
C | ema_dist_12 | C/EMA_12-1 | 95 | -1.0 inf | R | EMA
C | ema_dist_50 | C/EMA_50-1 | 396 | -1.0 inf | R | EMA
C | ppo_12_26 | EMA_12/EMA_26-1 | 206 | -1.0 inf | R | EMA
C | ppo_hist_12_26_9 | (ppo-EMA_9(ppo)) | 240 | -inf inf | R | EMA
C | slope_24 | OLS slope of lnC on 0..23, per bar | 24 | -inf inf | W | LINEARREG_SLOPE(lnC)
C | slope_72 | OLS slope of lnC on 0..71, per bar | 72 | -inf inf | W | LINEARREG_SLOPE(lnC)
C | r2_24 | R^2 of that OLS_24 | 24 | 0.0 1.0 | W |
C | resid_24 | lnC[t]-fit_24[t] | 24 | -inf inf | W |
C | adx_14 | ADX_14/100 (Wilder) | 300 | 0.0 1.0 | R | ADX/100
C | di_diff_14 | (+DI-(-DI))/(+DI+(-DI)), n=14 | 205 | -1.0 1.0 | R | PLUS_DI, MINUS_DI
C | aroon_osc_24 | (barsSinceLow-barsSinceHigh)/24 over 25 bars | 25 | -1.0 1.0 | W | AROONOSC/100
C | eff_ratio_72 | abs(sum_72(r))/sum_72(abs(r)) | 73 | 0.0 1.0 | W |
D | rsi_6 | RSI_6/100 (Wilder) | 85 | 0.0 1.0 | R | RSI/100
D | rsi_14 | RSI_14/100 (Wilder) | 205 | 0.0 1.0 | R | RSI/100
D | rsi_14_chg_6 | rsi_14[t]-rsi_14[t-6] | 211 | -1.0 1.0 | R | RSI
D | stoch_k_14 | (C-minL_14)/(maxH_14-minL_14) | 14 | 0.0 1.0 | W | STOCHF %K/100
D | cci_20 | (TP-SMA_20(TP))/(0.015·MAD_20(TP))/100 | 20 | -inf inf | W | CCI/100
D | mfi_14 | sum_14(TP·V where TP rose)/sum_14(TP·V where TP changed) | 15 | 0.0 1.0 | W | MFI/100
D | ultosc_7_14_28 | (4·A7+2·A14+A28)/7, A=sum(BP)/sum(TR) | 29 | 0.0 1.0 | W | ULTOSC/100
E | vol_24 | std_24(r), ddof=1 | 25 | 0.0 inf | W |
E | vol_72 | std_72(r), ddof=1 | 73 | 0.0 inf | W |
E | vol_168 | std_168(r), ddof=1 | 169 | 0.0 inf | W |
E | vol_ratio_12_72 | vol_12/vol_72 | 73 | 0.0 inf | W |
E | ewma_vol_94 | sqrt(EWMA(r^2)), lambda=0.94, seed mean of first 33 | 257 | 0.0 inf | R |
E | natr_14 | Wilder_14(TR)/C | 205 | 0.0 inf | R | NATR/100
E | parkinson_24 | sqrt(mean_24(ln(H/L)^2)/(4 ln2)) | 24 | 0.0 inf | W |
E | garman_klass_24 | sqrt(max(0,mean_24(.5 ln(H/L)^2-(2ln2-1)ln(C/O)^2))) | 24 | 0.0 inf | W |
E | semivol_share_72 | sum_72(r^2·[r<0])/sum_72(r^2) | 73 | 0.0 1.0 | W |
E | skew_72 | m3/m2^1.5 of r over 72 | 73 | -8.31 8.31 | W |
E | kurt_72 | m4/m2^2-3 of r over 72 | 73 | -2.0 67.02 | W |
E | bb_width_20 | 4·std_20(C,ddof=0)/SMA_20 | 20 | 0.0 inf | W | BBANDS
E | bb_pctb_20 | (C-lower)/(upper-lower), 20, 2 sigma | 20 | -0.59 1.59 | W | BBANDS
F | high_dist_24 | C/max_24(H)-1 | 24 | -1.0 0.0 | W | MAX
F | low_dist_24 | C/min_24(L)-1 | 24 | 0.0 inf | W | MIN
F | high_dist_168 | C/max_168(H)-1 | 168 | -1.0 0.0 | W | MAX
F | low_dist_168 | C/min_168(L)-1 | 168 | 0.0 inf | W | MIN
F | rank_72 | (#{C_i<C_t}+.5#{C_i=C_t,i!=t})/71 | 72 | 0.0 1.0 | W |
F | imax_imin_72 | (barsSinceLow-barsSinceHigh)/71 over 72 bars | 72 | -1.0 1.0 | W |
G | vlm_rel_24 | V/mean_24(V) | 24 | 0.0 24.0 | W |
G | vlm_rel_168 | V/mean_168(V) | 168 | 0.0 168.0 | W |
G | vlm_trend_12_72 | mean_12(V)/mean_72(V) | 72 | 0.0 6.0 | W |
G | vlm_cv_24 | std_24(V,ddof=0)/mean_24(V) | 24 | 0.0 4.8 | W |
G | svr_24 | sum_24(sign(r)·V)/sum_24(V) | 25 | -1.0 1.0 | W |
G | cmf_20 | sum_20(CLV·V)/sum_20(V) | 20 | -1.0 1.0 | W |
G | vwap_dist_24 | C/(sum_24(TP·V)/sum_24(V))-1 | 24 | -1.0 inf | W |
G | vwap_dist_168 | C/(sum_168(TP·V)/sum_168(V))-1 | 168 | -1.0 inf | W |
G | corr_rv_24 | corr_24(r,V) | 25 | -1.0 1.0 | W |
G | wvma_24 | std_24(abs(r)V,ddof=0)/mean_24(abs(r)V) | 25 | 0.0 4.8 | W |
G | illiq_ratio_24_168 | (sum_24abs(r)/sum_24 QV)/(sum_168abs(r)/sum_168 QV) | 169 | 0.0 inf | W |
H | autocorr1_72 | corr_72(r[t],r[t-1]) | 74 | -1.0 1.0 | W |
H | var_ratio_6_168 | mean_168((ret_6-6mu)^2)/(6·mean_168((r-mu)^2)) | 174 | 0.0 inf | W |
H | fracdiff_04_100 | sum_{k<100} w_k·(lnC[t-k]-lnC[t-99]), w from (1-B)^0.4 | 100 | -inf inf | W |
I | ref_ret_1 | ln(R[t]/R[t-1]) | 2 | -inf inf | W |
I | ref_ret_6 | ln(R[t]/R[t-6]) | 7 | -inf inf | W |
I | ref_ret_24 | ln(R[t]/R[t-24]) | 25 | -inf inf | W |
I | ref_vol_24 | std_24 of reference r | 25 | 0.0 inf | W |
I | ref_rsi_14 | RSI_14/100 of reference | 205 | 0.0 1.0 | R | RSI/100
I | ref_ppo_12_26 | EMA_12/EMA_26-1 of reference | 206 | -1.0 inf | R | EMA
I | beta_72 | cov_72(r,rr)/var_72(rr) | 73 | -inf inf | W |
I | corr_ref_72 | corr_72(r,rr) | 73 | -1.0 1.0 | W | CORREL
I | idio_ret_24 | ret_24-beta_72·ref_ret_24 | 73 | -inf inf | W |
J | hour_sin | sin(2pi·secOfDay/86400) | 1 | -1.0 1.0 | - |
J | hour_cos | cos(2pi·secOfDay/86400) | 1 | -1.0 1.0 | - |
J | dow_sin | sin(2pi·secOfWeek/604800), week from Mon 00:00 | 1 | -1.0 1.0 | - |
J | dow_cos | cos(2pi·secOfWeek/604800), week from Mon 00:00 | 1 | -1.0 1.0 | - |
"""


def _feature(line: str) -> Feature:
    group, name, formula, warm_up, bounds, state, oracle = (
        field.strip() for field in line.split("|")
    )
    low, high = bounds.split()
    return Feature(
        group=group,
        name=name,
        formula=formula,
        warm_up=int(warm_up),
        low=float(low),
        high=float(high),
        state=state,
        oracle=oracle,
    )


CATALOGUE: tuple[Feature, ...] = tuple(_feature(line) for line in _TABLE.strip().splitlines())

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in CATALOGUE)
WARM_UP: NDArray[np.int64] = np.array([feature.warm_up for feature in CATALOGUE], dtype=np.int64)
GROUPS: tuple[str, ...] = tuple(feature.group for feature in CATALOGUE)
REQUIRED: tuple[str, ...] = (
    "ret_1",
    "ret_24",
    "vol_24",
    "vol_168",
    "ewma_vol_94",
    "natr_14",
    "ref_ret_1",
    "vlm_rel_24",
)
"""Inputs of the barrier and of the regime: without one of them there is no signal."""


def schema_hash(interval_seconds: int) -> str:
    """Return the identity of what the columns mean for candles of this length."""
    document = {
        "version": SCHEMA_VERSION,
        "bar_seconds": interval_seconds,
        "lookback": LOOKBACK,
        "features": [[feature.name, feature.formula, feature.warm_up] for feature in CATALOGUE],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()
