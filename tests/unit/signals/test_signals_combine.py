"""Weighing sources against each other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.ids import Symbol
from shared.domain.signal import Confidence, Edge, Signal, signal_id
from signals.core.combine import COMBINED, ML, Mixture, combine, score
from signals.core.rules import RULE
from signals.core.sources import Source, in_force, mix

NOW = datetime(2024, 1, 1, tzinfo=UTC)
PLAN = {
    ML: BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24),
    RULE: BracketPlan(stop_ratio=0.02, target_ratio=0.02, horizon_candles=24),
}
EDGE = Edge(
    probability=0.6,
    probability_raw=0.61,
    neighbours=300.0,
    gross_win=0.03,
    gross_loss=0.03,
    barrier_ratio=0.03,
    reference_kelly=1.0,
    factors=Confidence(standing=0.5),
    confidence=0.5,
    release_id="r1",
)
DEFAULT = Mixture(weights={ML: 0.7, RULE: 0.3}, threshold=0.5)


def said(source, action, confidence=1.0, reasons=()):
    symbol = Symbol("BTC-USDT")
    return Signal(
        signal_id=signal_id(source, symbol, Interval.H1, NOW),
        source=source,
        symbol=symbol,
        interval=Interval.H1,
        closed_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        action=action,
        confidence=confidence,
        price=Decimal(100),
        bracket=PLAN.get(source),
        edge=EDGE if source == ML else None,
        reasons=reasons,
    )


def parts(*signals):
    return {signal.source: signal for signal in signals}


actions = st.sampled_from(list(Action))
weights = st.floats(0, 10)
opinions = st.dictionaries(
    st.sampled_from([ML, RULE, "desk", "news"]), st.tuples(actions, st.floats(0, 1)), min_size=1
)


def build(said_by):
    return parts(*(said(name, action, sure) for name, (action, sure) in said_by.items()))


all_weights = st.fixed_dictionaries(dict.fromkeys((ML, RULE, "desk", "news"), weights))


@given(opinions, all_weights)
def test_the_score_stays_within_its_bounds(said_by, weighed):
    assert -1.0 - 1e-9 <= score(build(said_by), weighed) <= 1.0 + 1e-9


@given(opinions, all_weights, st.sampled_from([ML, RULE, "desk", "news"]), st.floats(0, 1))
def test_a_source_that_turns_to_buy_never_lowers_the_score(said_by, weighed, source, sure):
    sold = build({**said_by, source: (Action.SELL, sure)})
    held = build({**said_by, source: (Action.HOLD, sure)})
    bought = build({**said_by, source: (Action.BUY, sure)})
    assert score(sold, weighed) <= score(held, weighed) + 1e-12
    assert score(held, weighed) <= score(bought, weighed) + 1e-12


@given(opinions, all_weights, st.sampled_from([ML, RULE, "desk", "news"]))
def test_a_refusal_weighs_as_much_as_an_absence(said_by, weighed, source):
    refused = build({**said_by, source: (Action.HOLD, 0.0)})
    absent = {name: part for name, part in refused.items() if name != source}
    assert score(refused, weighed) == score(absent, weighed)


@given(opinions.filter(lambda one: ML in one or RULE in one), all_weights, st.floats(0.01, 1))
def test_acting_needs_the_threshold_and_entering_a_bracket(said_by, weighed, threshold):
    given_parts = build(said_by)
    total = score(given_parts, weighed)
    signal = combine(given_parts, Mixture(weights=weighed, threshold=threshold))
    if signal.action is Action.BUY:
        assert total >= threshold - 1e-9
        assert signal.bracket is not None
    if signal.action is Action.SELL:
        assert total <= 1e-9 - threshold
    assert signal.confidence == min(abs(total), 1.0)
    assert bool(signal.reasons) == (signal.action is Action.HOLD)


def test_the_model_alone_carries_the_day_with_its_edge_and_bracket():
    signal = combine(parts(said(ML, Action.BUY, 0.2), said(RULE, Action.HOLD)), DEFAULT)
    assert signal.action is Action.BUY
    assert signal.source == COMBINED
    assert signal.edge == EDGE
    assert signal.bracket == PLAN[ML]
    assert signal.signal_id == signal_id(COMBINED, signal.symbol, Interval.H1, NOW)


def test_without_a_model_the_baseline_does_not_reach_the_threshold():
    refused = said(ML, Action.HOLD, 0.0, ("no_model",))
    for given_parts in (parts(refused, said(RULE, Action.BUY)), parts(said(RULE, Action.BUY))):
        assert combine(given_parts, DEFAULT).action is Action.HOLD
    assert combine(parts(refused, said(RULE, Action.BUY)), DEFAULT).reasons == (
        "ml:no_model",
        "below_threshold",
    )
    assert combine(parts(said(RULE, Action.BUY)), DEFAULT).reasons[0] == "ml:absent"


def test_the_model_and_the_baseline_at_odds_hold():
    assert (
        combine(parts(said(ML, Action.BUY), said(RULE, Action.SELL)), DEFAULT).action is Action.HOLD
    )


def test_the_baseline_alone_trades_with_its_own_bracket_and_no_edge():
    only = Mixture(weights={RULE: 1.0}, threshold=0.5)
    signal = combine(parts(said(ML, Action.HOLD), said(RULE, Action.BUY)), only)
    assert signal.action is Action.BUY
    assert signal.edge is None
    assert signal.bracket == PLAN[RULE]


def test_an_outsider_with_weight_leans_on_the_bracket_of_the_baseline():
    mixture = Mixture(weights={ML: 0.0, RULE: 0.0, "desk": 1.0}, threshold=0.5)
    signal = combine(parts(said(RULE, Action.HOLD), said("desk", Action.BUY, 0.9)), mixture)
    assert signal.action is Action.BUY
    assert signal.bracket == PLAN[RULE]


def test_an_entry_without_a_bracket_is_not_made():
    mixture = Mixture(weights={"desk": 1.0}, threshold=0.5)
    naked = {RULE: said("naked", Action.HOLD), "desk": said("desk", Action.BUY)}
    signal = combine(naked, mixture)
    assert (signal.action, signal.reasons) == (Action.HOLD, ("no_bracket",))


def test_shares_that_add_up_to_the_threshold_on_paper_reach_it():
    mixture = Mixture(weights={ML: 0.1, RULE: 0.2, "desk": 0.7}, threshold=0.3)
    signal = combine(parts(said(ML, Action.BUY), said(RULE, Action.BUY)), mixture)
    assert signal.action is Action.BUY


@pytest.mark.parametrize("weighed", [{}, {ML: 0.0, RULE: 0.0}])
def test_nobody_to_ask_is_no_reason_to_trade(weighed):
    mixture = Mixture(weights=weighed, threshold=0.5)
    signal = combine(parts(said(ML, Action.BUY), said(RULE, Action.BUY)), mixture)
    assert (signal.action, signal.reasons) == (Action.HOLD, ("no_opinion",))


def test_what_an_operator_set_replaces_the_settings():
    stored = {ML: Source(name=ML, weight=0.1, enabled=False, updated_at=NOW)}
    mixture = mix(in_force({ML: 0.7, RULE: 0.3}, stored), 0.5)
    assert mixture.weights == {RULE: 0.3}
    assert not mixture.waits_for_ml
    assert mixture.externals == ()
