from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import FEATURE_NAMES, REQUIRED
from shared.domain.candle import Candle
from shared.domain.enums import Action, Interval
from shared.domain.ids import Symbol
from shared.domain.signal import Confidence, signal_id
from signal_generator.core.belief import Belief
from signal_generator.core.refusal import MEANING, Refusal
from signal_generator.core.scoring import (
    ScoringPolicy,
    age_factor,
    breakeven,
    generate_signal,
)

NOW = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CANDLE = Candle(
    symbol=Symbol("SOL-USDT"),
    open_at=NOW - timedelta(hours=1),
    closed_at=NOW,
    open=Decimal(99),
    high=Decimal(101),
    low=Decimal(98),
    close=Decimal(100),
    volume=Decimal(5),
)
POLICY = ScoringPolicy(fee_ratio=0.001, slippage_ratio=0.0005)
BELIEF = Belief(
    release_id="GLOBAL_full_dataset_cpu_xgboost_model_20240229_000000",
    created_at=NOW - timedelta(days=1),
    horizon_candles=24,
    stop_multiple=1.0,
    target_multiple=1.5,
    average_win=1.0,
    average_loss=1.0,
    reference_kelly=6.0,
    probability=0.60,
    probability_raw=0.63,
    neighbours=300.0,
)


def vector(barrier=0.04, missing=()):
    values = np.zeros(86)
    values[FEATURE_NAMES.index("ewma_vol_94")] = barrier / 24**0.5
    for name in missing:
        values[FEATURE_NAMES.index(name)] = np.nan
    return values


def say(belief=BELIEF, values=None, policy=POLICY, candle=CANDLE, now=None):
    return generate_signal(
        candle, Interval.H1, vector() if values is None else values, belief, policy, now
    )


def test_a_probability_above_breakeven_buys_with_its_bracket_and_edge():
    signal = say()
    assert (signal.action, signal.reasons, signal.confidence) == (Action.BUY, (), 1.0)
    assert signal.bracket.stop_ratio == pytest.approx(0.04)
    assert signal.bracket.target_ratio == pytest.approx(0.06)
    assert signal.bracket.horizon_candles == 24
    assert signal.edge.gross_win == pytest.approx(0.04)
    assert signal.edge.gross_loss == pytest.approx(0.04)
    assert signal.edge.barrier_ratio == pytest.approx(0.04)
    assert (signal.edge.probability, signal.edge.probability_raw) == (0.60, 0.63)
    assert (signal.edge.neighbours, signal.edge.reference_kelly) == (300.0, 6.0)
    assert signal.signal_id == signal_id("ml", CANDLE.symbol, Interval.H1, NOW)
    assert signal.expires_at == NOW + timedelta(hours=1)
    assert signal.price == Decimal(100)


@pytest.mark.parametrize(
    ("probability", "action", "reasons"),
    [
        (0.5476, Action.BUY, ()),
        (0.5474, Action.HOLD, ("below_breakeven",)),
        (0.36, Action.HOLD, ("below_breakeven",)),
        (0.35, Action.SELL, ()),
        (0.10, Action.SELL, ()),
    ],
)
def test_the_threshold_is_breakeven_at_todays_costs_and_a_margin(probability, action, reasons):
    assert breakeven(BELIEF, 0.04, POLICY) == pytest.approx(0.537557, abs=1e-6)
    signal = say(replace(BELIEF, probability=probability))
    assert (signal.action, signal.reasons) == (action, reasons)


def test_higher_costs_turn_the_same_belief_into_waiting():
    assert say(policy=replace(POLICY, fee_ratio=0.0013)).action is Action.BUY
    costly = say(policy=replace(POLICY, fee_ratio=0.0016))
    assert costly.reasons == ("cost_barrier",)


@pytest.mark.parametrize("barrier", [0.0299, 0.001])
def test_a_barrier_below_ten_round_trips_is_refused(barrier):
    signal = say(replace(BELIEF, probability=0.99), vector(barrier))
    assert (signal.action, signal.reasons) == (Action.HOLD, ("cost_barrier",))
    assert signal.edge is not None


def test_without_a_model_there_is_no_opinion():
    signal = say(None)
    assert (signal.action, signal.reasons) == (Action.HOLD, ("no_model",))
    assert (signal.edge, signal.bracket, signal.confidence) == (None, None, 0.0)


def test_too_few_features_are_refused_by_name():
    missing = [name for name in FEATURE_NAMES if name not in REQUIRED][::8][:9]
    signal = say(values=vector(missing=missing))
    assert signal.reasons == ("coverage",)
    assert signal.coverage == 77 / 86
    assert signal.edge.confidence == 0.0


def test_a_required_feature_that_is_missing_refuses():
    assert say(values=vector(missing=["vol_24"])).reasons == ("required_missing",)


def test_a_candle_that_bridges_a_gap_is_not_acted_on():
    assert say(candle=replace(CANDLE, is_filled=True)).reasons == ("gap_filled",)


def test_what_is_unlike_the_training_is_refused():
    assert say(replace(BELIEF, unfamiliar_ratio=0.10)).action is Action.BUY
    assert say(replace(BELIEF, unfamiliar_ratio=0.11)).reasons == ("out_of_distribution",)


def test_features_missing_unlike_in_training_count_as_coverage():
    assert say(replace(BELIEF, new_holes=2)).edge.factors == Confidence(coverage=0.9**2)


def test_each_feature_missing_that_training_always_had_costs_a_tenth_of_the_confidence():
    assert say(replace(BELIEF, new_holes=1)).confidence == pytest.approx(0.9)
    assert say(replace(BELIEF, new_holes=3)).confidence == pytest.approx(0.729)


def test_a_barrier_that_reaches_zero_cannot_be_drawn():
    signal = say(values=vector(1.2))
    assert (signal.reasons, signal.edge) == (("no_barrier",), None)


def test_confidence_is_coverage_times_age_times_standing():
    some = [name for name in FEATURE_NAMES if name not in REQUIRED][::8][:8]
    signal = say(
        replace(BELIEF, created_at=NOW - timedelta(days=14), is_fallback=True),
        vector(missing=some),
    )
    coverage = 0.5 + 0.5 * (78 / 86 - 0.90) / 0.05
    assert signal.confidence == pytest.approx(coverage * 0.5 * 0.5)
    assert signal.edge.factors.coverage == pytest.approx(coverage)
    assert (signal.edge.factors.age, signal.edge.factors.standing) == (0.5, 0.5)


def test_what_the_monitors_leave_scales_the_confidence():
    signal = say(replace(BELIEF, drift_factor=0.5, live_factor=0.25))
    assert signal.edge.factors == Confidence(drift=0.5, live=0.25)
    assert signal.confidence == signal.edge.confidence == 0.125


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"drift_factor": 0.0}, "drifted"),
        ({"drift_factor": float("nan")}, "drifted"),
        ({"live_factor": 0.0}, "miscalibrated"),
        ({"live_factor": -1.0}, "miscalibrated"),
        ({"created_at": NOW - timedelta(days=30)}, "model_expired"),
        ({"is_unhealthy": True}, "model_unhealthy"),
    ],
)
def test_a_factor_of_zero_and_a_red_monitor_refuse_by_name(change, reason):
    signal = say(replace(BELIEF, **change))
    assert (signal.action, signal.reasons, signal.confidence) == (Action.HOLD, (reason,), 0.0)


def test_every_reason_is_listed_at_once():
    signal = say(
        replace(BELIEF, drift_factor=0.0, unfamiliar_ratio=0.5), vector(0.001), now=NOW + 2 * HOUR
    )
    assert signal.reasons == ("stale", "out_of_distribution", "cost_barrier", "drifted")


@pytest.mark.parametrize(
    ("late", "reasons"),
    [
        (timedelta(0), ()),
        (HOUR, ()),
        (HOUR + timedelta(microseconds=1), ("stale",)),
        (-HOUR, ()),
    ],
)
def test_a_candle_that_came_too_late_is_not_acted_on(late, reasons):
    signal = say(now=NOW + late)
    assert signal.reasons == reasons
    assert signal.edge.probability == 0.60
    patient = replace(POLICY, stale_after_intervals=2.0)
    assert say(policy=patient, now=NOW + late).action is Action.BUY


def test_every_refusal_is_explained():
    assert set(MEANING) == set(Refusal)


@pytest.mark.parametrize(
    ("age_days", "factor"), [(-3, 1.0), (0, 1.0), (7, 1.0), (14, 0.5), (21, 0.0), (400, 0.0)]
)
def test_confidence_in_a_model_fades_with_age(age_days, factor):
    assert age_factor(age_days, 7.0) == pytest.approx(factor)


def test_an_expired_model_is_refused():
    old = replace(BELIEF, created_at=NOW - timedelta(days=30))
    assert say(old).reasons == ("model_expired",)


@given(
    probability=st.floats(0, 1),
    barrier=st.floats(0, 2, allow_nan=False),
    win=st.floats(0.01, 3),
    loss=st.floats(0.01, 3),
    age=st.floats(-30, 60),
)
def test_a_buy_always_has_a_positive_edge_after_costs(probability, barrier, win, loss, age):
    belief = replace(
        BELIEF,
        probability=probability,
        average_win=win,
        average_loss=loss,
        created_at=NOW - timedelta(days=age),
    )
    signal = say(belief, vector(barrier))
    assert bool(signal.reasons) == (signal.action is Action.HOLD)
    if signal.action is Action.BUY:
        assert probability >= breakeven(belief, signal.edge.barrier_ratio, POLICY) + 0.01
        assert 0 < signal.confidence <= 1
        assert signal.bracket.stop_ratio < 1
