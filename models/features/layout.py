"""Where things lie: columns of the vector, rows of the rings, slots of the carried state."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

FEATURES = 86
LOOKBACK = 512
WINDOW = 176
"""Candles kept in the rings; the longest window needs 174 of them."""

# group A, returns and momentum
(
    RET_1,
    RET_3,
    RET_6,
    RET_12,
    RET_24,
    RET_72,
    RET_168,
    MOM_Z_24,
    MOM_Z_168,
    MOM_ACCEL_12,
    UP_SHARE_24,
    GAIN_LOSS_24,
) = range(12)
# group B, candle shape
(
    K_RANGE,
    K_BODY_RATIO,
    K_UPPER_RATIO,
    K_LOWER_RATIO,
    K_CLV,
    K_CLV_MEAN_12,
    K_RANGE_REL_24,
) = range(12, 19)
# group C, trend
(
    SMA_DIST_72,
    SMA_DIST_168,
    EMA_DIST_12,
    EMA_DIST_50,
    PPO_12_26,
    PPO_HIST_12_26_9,
    SLOPE_24,
    SLOPE_72,
    R2_24,
    RESID_24,
    ADX_14,
    DI_DIFF_14,
    AROON_OSC_24,
    EFF_RATIO_72,
) = range(19, 33)
# group D, oscillators
(
    RSI_6,
    RSI_14,
    RSI_14_CHG_6,
    STOCH_K_14,
    CCI_20,
    MFI_14,
    ULTOSC_7_14_28,
) = range(33, 40)
# group E, volatility
(
    VOL_24,
    VOL_72,
    VOL_168,
    VOL_RATIO_12_72,
    EWMA_VOL_94,
    NATR_14,
    PARKINSON_24,
    GARMAN_KLASS_24,
    SEMIVOL_SHARE_72,
    SKEW_72,
    KURT_72,
    BB_WIDTH_20,
    BB_PCTB_20,
) = range(40, 53)
# group F, range and breakout
(
    HIGH_DIST_24,
    LOW_DIST_24,
    HIGH_DIST_168,
    LOW_DIST_168,
    RANK_72,
    IMAX_IMIN_72,
) = range(53, 59)
# group G, volume and flow
(
    VLM_REL_24,
    VLM_REL_168,
    VLM_TREND_12_72,
    VLM_CV_24,
    SVR_24,
    CMF_20,
    VWAP_DIST_24,
    VWAP_DIST_168,
    CORR_RV_24,
    WVMA_24,
    ILLIQ_RATIO_24_168,
) = range(59, 70)
# group H, memory
AUTOCORR1_72, VAR_RATIO_6_168, FRACDIFF_04_100 = range(70, 73)
# group I, the reference instrument
(
    REF_RET_1,
    REF_RET_6,
    REF_RET_24,
    REF_VOL_24,
    REF_RSI_14,
    REF_PPO_12_26,
    BETA_72,
    CORR_REF_72,
    IDIO_RET_24,
) = range(73, 82)
# group J, calendar
HOUR_SIN, HOUR_COS, DOW_SIN, DOW_COS = range(82, 86)

# one input row: open, high, low, close, volume, close of the reference, closed_at, is_filled
IN_OPEN, IN_HIGH, IN_LOW, IN_CLOSE, IN_VOLUME, IN_REFERENCE, IN_CLOSED_AT, IN_FILLED = range(8)
INPUTS = 8

# rows of the rings, each a pure function of the last few candles
(
    HIGH,
    LOW,
    CLOSE,
    VOLUME,
    LOG_CLOSE,
    RETURN,
    RETURN_6,
    TYPICAL,
    FLOW,
    CLV,
    SPAN,
    LOG_SPAN_SQUARED,
    LOG_BODY_SQUARED,
    TRUE_RANGE,
    BUYING_PRESSURE,
    RISING_FLOW,
    CHANGED_FLOW,
    REFERENCE,
    REFERENCE_RETURN,
) = range(19)
ROWS = 19

# slots of the carried state: counters, then recursions, then the last 7 values of rsi_14
(
    TOTAL,
    SEEN,
    REFERENCE_SEEN,
    FILLED_RUN,
    FILLED_COUNT,
) = range(5)
(
    EMA_12,
    EMA_26,
    EMA_50,
    PPO_SIGNAL,
    EWMA_SQUARE,
    GAIN_6,
    LOSS_6,
    GAIN_14,
    LOSS_14,
    PLUS_DM,
    MINUS_DM,
    DIRECTIONAL,
    TRUE_RANGE_14,
    REFERENCE_EMA_12,
    REFERENCE_EMA_26,
    REFERENCE_GAIN,
    REFERENCE_LOSS,
) = range(5, 22)
RSI_HISTORY = 22
SLOTS = 29

MAX_FILLED_RUN = 3
MAX_FILLED_RATIO = 0.02
TIE = 1e-12
