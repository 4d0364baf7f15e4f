"""What the monitors read, when they alarm, and what that leaves of a belief."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.statistics.drift import drift_of, drift_reference
from shared.domain.ids import Symbol
from signal_generator.core.alarms import Monitor, State, alarms_of, state_of
from signal_generator.core.belief import Belief
from signal_generator.core.health import (
    Health,
    Remedy,
    day_of,
    factors_of,
    judge,
    remedy_for,
    with_health,
    worse_payoff,
)
from signal_generator.core.maturing import Role
from signal_generator.core.readings import (
    Drift,
    Labels,
    Live,
    bets_in_turn,
    drift_figures,
    label_shares,
    live_figures,
)
from tests.unit.signal_generator.label_streams import STEP, promised, stream, truth

BTC = Symbol("BTC-USDT")
NOW = datetime(2024, 3, 5, 7, tzinfo=UTC)
CALM = Live(
    matured=200, n_effective=14.0, mean_probability=0.5, won_ratio=0.5, calibration_z=0.0,
    brier=0.24, base_brier=0.25, brier_p_value=0.9, log_loss=0.68, base_log_loss=0.69, auc=0.55,
    mean_net=0.001, bets=9, bets_mean_net=0.002, cusum=0.5, average_win=None, average_loss=None,
)  # fmt: skip
STEADY = Drift(
    vectors=500,
    psi_probability=0.05,
    psi_usual=0.2,
    psi_adjusted=0.05,
    drifted_ratio=0.01,
    is_feature_alarm=False,
    worst=(),
)


def promise(**changes):
    return replace(truth()[1], **changes)


def alarms(drift=STEADY, live=CALM, age_days=1.0, **changes):
    return alarms_of(drift, live, promise(**changes), age_days)


def states_of_days(seeds, **told):
    """Judge every day of some streams; return the states and the day of the first red one."""
    states, first_red = [], []
    for seed in seeds:
        one = stream(seed)
        p = promised(one, **told)
        red_at = None
        for day in range(10, 59):
            live = live_figures(one.seen_until(day * 24, p), promise(), STEP)
            states.append(state_of(alarms_of(None, live, promise(), 1.0)))
            if states[-1] is State.RED and red_at is None:
                red_at = day
        first_red.append(red_at)
    return states, first_red


def test_a_model_that_keeps_its_promises_is_green_on_most_days():
    """False alarms: about one day in seven yellow, mostly the payoff, one in twenty red."""
    states, _ = states_of_days(range(12))
    assert states.count(State.GREEN) / len(states) > 0.7
    assert states.count(State.RED) / len(states) < 0.1


def test_the_calibration_of_such_a_model_is_standard_normal():
    found = []
    for seed in range(30):
        one = stream(seed)
        p = promised(one)
        found += [
            live_figures(one.seen_until(day * 24, p), promise(), STEP).calibration_z
            for day in range(10, 59, 8)
        ]
    assert np.std(found) == pytest.approx(1.0, abs=0.2)
    assert np.mean(np.abs(found) > 3) < 0.02


def test_a_model_that_promises_far_too_much_is_red_within_forty_days():
    states, first_red = states_of_days(range(6), shift=1.2)
    assert all(day is not None and day <= 40 for day in first_red)
    assert states.count(State.RED) / len(states) > 0.3


def test_chances_understated_are_as_wrong():
    _, first_red = states_of_days(range(4), shift=-1.5)
    assert all(first_red)


@pytest.mark.parametrize(
    ("psi", "state", "factor"),
    [(0.10, "green", 1.0), (0.11, "yellow", 0.9667), (0.25, "yellow", 0.5), (0.5, "yellow", 0.0),
     (0.51, "red", 0.0), (float("nan"), "red", 0.0)],
)  # fmt: skip
def test_drift_of_the_predictions_scales_and_then_stops(psi, state, factor):
    drift = replace(STEADY, psi_adjusted=psi)
    assert state_of(alarms(drift)) == state
    assert factors_of(drift, CALM)[0] == pytest.approx(factor, abs=1e-4)


@pytest.mark.parametrize(
    ("z", "state", "factor"),
    [(2.0, "green", 1.0), (-2.1, "yellow", 0.975), (3.0, "yellow", 0.75), (-3.1, "red", 0.725),
     (6.5, "red", 0.0)],
)  # fmt: skip
def test_broken_promises_scale_and_then_stop(z, state, factor):
    live = replace(CALM, calibration_z=z)
    assert state_of(alarms(live=live)) == state
    assert factors_of(STEADY, live)[1] == pytest.approx(factor)


def test_fewer_than_fifty_labels_say_nothing():
    few = replace(CALM, matured=49, calibration_z=9.0, cusum=9.0, brier_p_value=0.0)
    assert alarms(live=few) == ()
    assert factors_of(None, few) == (1.0, 1.0)
    assert worse_payoff(replace(few, average_win=0.1), promise()) is None


@pytest.mark.parametrize(("matured", "state"), [(199, "green"), (200, "red")])
def test_the_brier_score_is_judged_on_two_hundred_labels(matured, state):
    live = replace(CALM, matured=matured, brier_p_value=0.049)
    assert state_of(alarms(live=live)) == state


@pytest.mark.parametrize(
    ("changes", "monitor", "state"),
    [
        ({"live": replace(CALM, cusum=5.1)}, Monitor.LOSSES, State.RED),
        ({"drift": replace(STEADY, is_feature_alarm=True)}, Monitor.FEATURE_DRIFT, State.YELLOW),
        ({"age_days": 7.1, "retrain_days": 7.0}, Monitor.AGE, State.YELLOW),
        ({"live": replace(CALM, average_win=0.5), "average_win": 0.7}, Monitor.PAYOFF, State.YELLOW),
        ({"live": replace(CALM, average_loss=0.9), "average_loss": 0.7}, Monitor.PAYOFF, State.YELLOW),
    ],
)  # fmt: skip
def test_every_monitor_names_itself(changes, monitor, state):
    (alarm,) = alarms(**changes)
    assert (alarm.monitor, alarm.state) == (monitor, state)


def test_the_worst_alarm_comes_first_and_makes_the_state():
    found = alarms(replace(STEADY, psi_adjusted=0.2), replace(CALM, calibration_z=4.0))
    assert [one.state for one in found] == [State.RED, State.YELLOW]
    assert state_of(found) is State.RED
    assert state_of(()) is State.GREEN


def test_where_payoffs_are_off_the_worse_one_counts():
    told = promise(average_win=0.8, average_loss=0.7)
    assert worse_payoff(replace(CALM, average_win=0.5, average_loss=0.6), told) == (0.5, 0.7)
    assert worse_payoff(replace(CALM, average_win=1.2, average_loss=0.9), told) == (0.8, 0.9)
    assert worse_payoff(replace(CALM, average_win=0.75, average_loss=0.75), told) is None


def test_drifted_features_alarm_and_steady_ones_do_not():
    random = np.random.default_rng(3)
    training = random.normal(size=(6000, 86))
    instants = np.arange(6000) * STEP
    reference = drift_reference(
        training, random.uniform(0.4, 0.6, 6000), instants, np.zeros(6000, dtype=np.int64), 500, []
    )
    calm = random.normal(size=(500, 86))
    moved = calm.copy()
    moved[:, :14] += 1.0
    p = random.uniform(0.4, 0.6, 500)
    assert not drift_figures(drift_of(reference, calm, p), reference, 500).is_feature_alarm
    drift = drift_figures(drift_of(reference, moved, p), reference, 500)
    assert drift.is_feature_alarm
    assert state_of(alarms(drift)) is State.YELLOW
    gone = drift_figures(drift_of(reference, calm, p * 0.5), reference, 500)
    assert state_of(alarms(gone)) is State.RED


def test_what_training_itself_drifted_is_no_alarm():
    random = np.random.default_rng(5)
    count = 8000
    slow = np.zeros(count)
    for t in range(1, count):
        slow[t] = 0.998 * slow[t - 1] + 0.06 * random.normal()
    p = 1 / (1 + np.exp(-slow))
    reference = drift_reference(
        random.normal(size=(count, 86)), p, np.arange(count) * STEP,
        np.zeros(count, dtype=np.int64), 500, [],
    )  # fmt: skip
    usual = reference.probability.threshold
    assert usual > 0.5
    found = [
        drift_figures(
            drift_of(reference, np.zeros((500, 86)), p[start : start + 500]), reference, 500
        )
        for start in range(0, 7500, 250)
    ]
    assert max(one.psi_probability for one in found) > 0.5
    assert all(one.psi_adjusted < 0.3 for one in found)
    assert all(one.psi_usual == usual for one in found)


def labels(rows, *, bets=()):
    """Labels decided at an hour and ended at another, with their net."""
    first, last, net = (np.array(column) for column in zip(*rows, strict=True))
    return Labels(
        closed_at=first * STEP,
        ended_at=last * STEP,
        probability=np.full(len(rows), 0.5),
        gross=net.astype(float),
        net=net.astype(float),
        barrier=np.full(len(rows), 0.02),
        is_bet=np.isin(np.arange(len(rows)), bets),
    )


def test_one_holds_one_bet_at_a_time():
    found = labels(
        [(0, 5, 0.1), (2, 4, 0.1), (5, 8, 0.1), (6, 9, 0.1), (9, 10, 0.1)], bets=(0, 1, 2, 4)
    )
    assert bets_in_turn(found).tolist() == [0, 2, 4]
    assert len(bets_in_turn(labels([(0, 5, 0.1)]))) == 0


def test_labels_that_share_candles_with_open_ones_weigh_like_the_others():
    found = labels([(number, number + 4, 0.01) for number in range(40)])
    shares = label_shares(found, STEP)
    assert shares[10:36] == pytest.approx(0.25)
    assert shares[36:] == pytest.approx(shares[:36].mean())


def test_without_labels_there_are_no_figures():
    empty = labels([(0, 1, 0.1)]).newest(0)
    assert len(empty) == 0
    assert live_figures(empty, promise(), STEP) is None


def test_a_constant_model_and_equal_outcomes_are_no_trouble():
    always = labels([(number, number + 3, 0.02) for number in range(230)], bets=range(230))
    live = live_figures(always, promise(), STEP)
    assert (live.matured, live.won_ratio, live.cusum) == (200, 1.0, 0.0)
    never = labels([(number, number + 3, -0.02) for number in range(230)], bets=range(230))
    live = live_figures(never, promise(), STEP)
    assert live.calibration_z < -3
    assert live.cusum > 5
    assert live.average_win is None


def judged(state_live=CALM, *, at=NOW, role=Role.CHAMPION, before=None):
    return judge((BTC, "R", role), at, promise(), (STEADY, state_live), before)


RED_BY_PROOF = replace(CALM, calibration_z=-4.0)
RED_BY_LUCK = replace(CALM, brier_p_value=0.04)


def remedy(health, **changes):
    told = {"is_pooled": False, "has_previous": True, "has_pooled": True, **changes}
    return remedy_for(health, timedelta(hours=1), **told)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Remedy.ROLLBACK),
        ({"has_previous": False}, Remedy.RETIRE),
        ({"has_previous": False, "has_pooled": False}, Remedy.REFUSE),
        ({"is_pooled": True}, Remedy.REFUSE),
    ],
)
def test_proof_moves_the_alias_back_but_never_for_everybody(changes, expected):
    assert remedy(judged(RED_BY_PROOF), **changes) is expected


def test_a_day_of_bad_luck_refuses_and_a_whole_window_of_it_moves_the_alias():
    health = judged(RED_BY_LUCK)
    assert remedy(health) is Remedy.REFUSE
    for day in range(1, 9):
        health = judged(RED_BY_LUCK, at=NOW + timedelta(days=day), before=health)
        assert health.red_since == NOW
        assert remedy(health) is Remedy.REFUSE
    health = judged(RED_BY_LUCK, at=NOW + timedelta(days=9), before=health)
    assert remedy(health) is Remedy.ROLLBACK


def test_a_drift_must_outlast_the_vectors_that_show_it():
    gone = replace(STEADY, psi_adjusted=0.6)
    first = judge((BTC, "R", Role.CHAMPION), NOW, promise(), (gone, CALM))
    for days, expected in ((9, Remedy.REFUSE), (20, Remedy.REFUSE), (21, Remedy.ROLLBACK)):
        later = NOW + timedelta(days=days)
        health = judge((BTC, "R", Role.CHAMPION), later, promise(), (gone, CALM), first)
        assert remedy(health) is expected


def test_a_better_day_starts_the_count_anew():
    health = judged(RED_BY_LUCK)
    better = judged(CALM, at=NOW + timedelta(days=1), before=health)
    assert (better.state, better.red_since) == (State.GREEN, None)
    worse = judged(RED_BY_LUCK, at=NOW + timedelta(days=9), before=better)
    assert worse.red_since == NOW + timedelta(days=9)


def test_only_a_champion_that_is_red_calls_for_a_remedy():
    assert remedy(judged(CALM)) is Remedy.NONE
    assert remedy(judged(RED_BY_PROOF, role=Role.SHADOW)) is Remedy.NONE


def test_a_judgement_is_of_a_day():
    assert day_of(NOW) == datetime(2024, 3, 5, tzinfo=UTC)
    assert judged().day == day_of(NOW)


BELIEF = Belief(
    release_id="R", created_at=NOW, horizon_candles=24, stop_multiple=1.0, target_multiple=1.0,
    average_win=0.8, average_loss=0.7, reference_kelly=3.0, probability=0.6, probability_raw=0.6,
    neighbours=300.0,
)  # fmt: skip


def test_a_belief_is_weighed_by_the_health_of_the_release_that_holds_it():
    health = Health(
        symbol=BTC, release_id="R", role=Role.CHAMPION, day=day_of(NOW), judged_at=NOW,
        state=State.RED, drift_factor=0.5, live_factor=0.8, average_win=0.6, average_loss=0.9,
    )  # fmt: skip
    found = with_health({BTC: BELIEF}, {(BTC, "R"): health})[BTC]
    assert (found.drift_factor, found.live_factor, found.is_unhealthy) == (0.5, 0.8, True)
    assert (found.average_win, found.average_loss) == (0.6, 0.9)
    assert with_health({BTC: BELIEF}, {(BTC, "another"): health}) == {BTC: BELIEF}
