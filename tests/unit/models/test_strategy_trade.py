from dataclasses import replace
from decimal import Decimal
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import risk.core.kelly
from models.labels import net_return
from models.manifest import LabelRule
from models.payoff import measure_payoff
from models.strategy.baselines import base_rate
from models.strategy.bets import prices_of
from models.strategy.simulate import Plan, follow, trade
from models.strategy.sizing import may_pay, wanted_ratio
from risk.core.book import Book
from risk.core.company import company_of
from risk.core.limits import Costs, RiskLimits
from risk.core.market import NO_MARKETS
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from tests.builders import RECOMMENDATION
from tests.unit.models.made_bets import (
    BTC,
    ENTRY_COST,
    ETH,
    FREE,
    HOUR,
    aimless,
    at,
    bets,
    candles_of,
    market,
    no_bets,
    sizing,
    taken,
)

FLAT_HOURS = np.full((8, 1), 100.0)


def planned(wanted, decided=0, ends=4):
    """One trade per instrument, all decided at one close, that pay nothing."""
    count = len(wanted)
    return Plan(
        instrument=np.arange(count),
        decided=np.full(count, decided),
        ends=np.full(count, ends),
        net=np.zeros(count),
        may_enter=np.ones(count, dtype=bool),
        wanted=lambda row: wanted[row],
    )


def joined(*plans):
    """The plans on instruments beside one another."""
    firsts = np.cumsum([0, *(len(plan.net) for plan in plans)])
    wanted = [plan.wanted(row) for plan in plans for row in range(len(plan.net))]
    return Plan(
        instrument=np.arange(firsts[-1]),
        **{
            name: np.concatenate([getattr(plan, name) for plan in plans])
            for name in ("decided", "ends", "net", "may_enter")
        },
        wanted=lambda row: wanted[row],
    )


def test_one_winning_trade_is_marked_at_every_close_and_settled_at_exactly_its_net():
    prices = market([100, 102, 104, 103, 103], [101, 103, 105, 103, 103])
    course = trade(bets([(0, 0, 2, 0.10)]), sizing(), prices)
    assert course.trades.size.tolist() == [0.05]
    marked = 0.95 + 0.05 * 103 / (102 * ENTRY_COST)
    assert course.equity.tolist() == pytest.approx([1, marked, 1.005, 1.005, 1.005], rel=1e-15)
    assert course.returns.tolist() == pytest.approx([0, marked - 1, 1.005 / marked - 1, 0, 0])
    assert course.exposure.tolist() == pytest.approx([0, 0.05, 1 - 0.95 / marked, 0, 0])
    assert course.turnover == pytest.approx(0.05 / ENTRY_COST / course.equity.mean())
    assert course.trades.decided_at.tolist() == [at(0)]
    assert course.trades.end_at.tolist() == [at(2)]
    assert course.trades.net.tolist() == [0.10]


def test_trades_that_overlap_are_sized_by_the_equity_marked_when_they_are_decided():
    opens = [[100, 50], [100, 50], [110, 50], [110, 50], [110, 50]]
    course = trade(bets([(0, 0, 3, 0.2), (1, 2, 4, -0.1)]), sizing(2), market(opens))
    equity = 0.95 + 0.05 * 110 / (100 * ENTRY_COST)
    assert course.trades.size.tolist() == [0.05, 0.05]
    expected = 1 + 0.05 * 0.2 - 0.05 * equity * 0.1
    assert course.equity[-1] == pytest.approx(expected, rel=1e-15)


def test_bets_decided_together_share_the_haircut_of_all_that_are_held_or_new():
    prices = market(np.full((6, 3), 100.0))
    made = bets([(0, 0, 4, 0.0), (1, 1, 4, 0.0), (2, 1, 4, 0.0)])
    course = trade(made, sizing(3, reference_kelly=np.full(3, 30.0)), prices)
    alone = course.trades.size[0]
    assert 0 < alone < 0.05
    assert course.trades.size[1:].tolist() == pytest.approx([alone / 1.6] * 2)


@pytest.mark.parametrize(
    ("wanted", "correlation", "expected"),
    [
        ([0.12, 0.08, 0.06, 0.03, 0.02], 0.6, [0.035294, 0.023529, 0.017647, 0.008824, 0.005882]),
        ([0.9] * 20, 0.0, [0.04] * 20),
        ([0.9, 0.03], 0.0, [0.05, 0.03]),
    ],
)
def test_the_room_is_shared_out_as_the_design_says(wanted, correlation, expected):
    prices = market(np.full((6, len(wanted)), 100.0))
    course = follow(planned(wanted), replace(FREE, correlation=correlation), prices)
    assert course.trades.size.tolist() == pytest.approx(expected, abs=5e-7)


def test_what_is_held_takes_of_the_room_and_what_ended_gives_it_back():
    first, late = planned([0.05] * 14), planned([0.05] * 3, decided=1)
    prices = market(np.full((8, 20), 100.0))
    course = follow(joined(first, late), FREE, prices)
    assert course.trades.size[14:].tolist() == pytest.approx([0.1 / 3] * 3)
    assert course.exposure.tolist() == pytest.approx([0, 0.7, 0.8, 0.8, 0.8, 0, 0, 0], abs=1e-12)
    after = planned([0.05] * 3, decided=4, ends=6)
    assert follow(joined(first, after), FREE, prices).trades.size[14:].tolist() == [0.05] * 3


def test_the_worst_price_counts_where_the_room_is_short():
    course = follow(
        planned([0.05] * 20), replace(FREE, worst_cost=1.25), market(np.full((6, 20), 100.0))
    )
    assert course.trades.size.sum() == pytest.approx(0.64)


def test_no_entry_while_the_instrument_is_held_and_again_at_the_close_it_ends_with():
    rows = [(0, 0, 3, 0.01), (0, 1, 2, 9.0), (0, 2, 4, 9.0), (0, 3, 5, 0.01)]
    course = trade(bets(rows), sizing(), market(FLAT_HOURS))
    assert course.trades.decided_at.tolist() == [at(0), at(3)]
    assert course.equity[-1] == pytest.approx(1.0005**2, rel=1e-14)


def test_a_trade_may_end_in_the_candle_it_entered_and_in_the_last_one():
    course = trade(bets([(0, 0, 1, 0.1), (0, 6, 7, 0.1)]), sizing(), market(FLAT_HOURS))
    assert course.trades.end_at.tolist() == [at(1), at(7)]
    assert course.equity[[0, 1, 6, 7]].tolist() == pytest.approx([1, 1.005, 1.005, 1.005**2])
    assert course.exposure.tolist() == pytest.approx([0, 0.05, 0, 0, 0, 0, 0, 0.05])


def test_a_missing_candle_is_marked_as_before_and_not_entered_on():
    nan = np.nan
    prices = market([100, 100, nan, 100, nan, 100], [100, 108, nan, 104, nan, 100])
    course = trade(bets([(0, 0, 4, 0.02), (0, 1, 3, 1.0)]), sizing(), prices)
    assert course.equity[2] == course.equity[1] > 1.003
    assert course.equity[3] < course.equity[2]
    assert course.equity[4:].tolist() == pytest.approx([1.001] * 2)
    assert len(trade(bets([(0, 3, 5, 1.0)]), sizing(), prices).trades) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"probability": [0.55]},  # below break-even
        {"neighbours": [0.0]},  # nothing but the prior
        {"confidence": [0.0]},
        {"barrier": [0.0299]},  # narrower than ten round trips
    ],
)
def test_a_bet_not_worth_taking_is_left(changes):
    made = bets([(0, 0, 3, 0.5)], **changes)
    assert trade(made, sizing(), market(FLAT_HOURS)).equity.tolist() == [1.0] * 8


def test_a_model_that_never_had_a_good_bet_trades_nothing():
    terms = sizing(reference_kelly=np.zeros(1))
    assert len(trade(bets([(0, 0, 3, 0.5)]), terms, market(FLAT_HOURS)).trades) == 0


def edges(count, seed=5):
    """Edges of all kinds, half of them near break-even, as Bets on one instrument."""
    draw = np.random.default_rng(seed)
    made = bets([(0, row, row + 1, 0.0) for row in range(count)])
    return replace(
        made,
        barrier=draw.uniform(0.02, 0.1, count),
        probability=np.where(
            draw.random(count) < 0.5, draw.uniform(0.5, 0.7, count), draw.uniform(0, 1, count)
        ),
        neighbours=draw.choice([0.0, 1.0, 30.0, 300.0, 1_000.0], count),
        confidence=draw.choice([0.0, 0.3, 1.0], count, p=[0.1, 0.4, 0.5]),
    )


def as_recommendation(made, row, terms):
    edge = replace(
        RECOMMENDATION.edge,
        probability=made.probability[row],
        probability_raw=made.probability[row],
        neighbours=made.neighbours[row],
        gross_win=terms.a_win[0] * made.barrier[row],
        gross_loss=terms.a_loss[0] * made.barrier[row],
        barrier_ratio=made.barrier[row],
        reference_kelly=terms.reference_kelly[0],
        confidence=made.confidence[row],
    )
    return replace(RECOMMENDATION, edge=edge)


LIMITS = RiskLimits()
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)


def test_every_bet_is_sized_bit_for_bit_as_risk_sizes_it():
    made, terms = edges(600), sizing()
    own = [wanted_ratio(made, row, terms) for row in range(len(made))]
    of_risk = [
        risk.core.kelly.size(as_recommendation(made, row, terms), Decimal(1), LIMITS, COSTS)
        for row in range(len(made))
    ]
    assert own == [sized.sizing.raw_ratio for sized in of_risk]
    assert 100 < sum(ratio > 0 for ratio in own) < 400
    assert [bool(sized.refusals) for sized in of_risk] == [ratio == 0 for ratio in own]


def test_the_quick_look_lets_through_exactly_what_is_worth_something():
    made, terms = edges(3_000, seed=6), sizing()
    own = [wanted_ratio(made, row, terms) > 0 for row in range(len(made))]
    assert may_pay(made, terms).tolist() == own


def test_entries_decided_together_are_shared_out_as_risk_does():
    terms = sizing(25, reference_kelly=np.full(25, 12.0))
    draw = np.random.default_rng(8)
    made = bets(
        [(column, 0, 4, 0.0) for column in range(25)], probability=draw.uniform(0.62, 0.95, 25)
    )
    for correlation in (0.3, 0.0):
        limits = RiskLimits(correlation_floor=correlation)
        sized = [
            risk.core.kelly.size(as_recommendation(made, row, terms), Decimal(1), limits, COSTS)
            for row in range(25)
        ]
        symbols = [Symbol(f"C{number}-USDT") for number in range(25)]
        company = company_of(symbols, NO_MARKETS.correlations, correlation)
        book = Book(
            as_of=None, equity=Decimal(1), cash=Decimal(1), peak_equity=Decimal(1),
            day_start_equity=Decimal(1),
        )  # fmt: skip
        shared = risk.core.kelly.share_out(
            [one.sizing for one in sized], company, book, limits, COSTS
        )
        course = trade(
            made, replace(terms, correlation=correlation), market(np.full((6, 25), 100.0))
        )
        assert course.trades.size.tolist() == pytest.approx(
            [one.capped_ratio for one in shared], rel=1e-12
        )


closes = st.lists(st.floats(1, 1_000), min_size=3, max_size=30)


@given(path=closes)
def test_without_bets_the_equity_stands_still(path):
    course = trade(no_bets(), sizing(), market(path))
    assert course.equity.tolist() == [1.0] * len(path)
    assert not course.returns.any()
    assert not course.exposure.any()
    assert course.turnover == 0


@given(path=closes, nets=st.lists(st.floats(-0.9, 3), min_size=1, max_size=14))
def test_trades_one_after_another_compound(path, nets):
    nets = nets[: (len(path) - 1) // 2]
    rows = [(0, 2 * number, 2 * number + 2, net) for number, net in enumerate(nets)]
    course = trade(bets(rows), sizing(), market(path))
    assert len(course.trades) == len(nets)
    assert course.equity[-1] == pytest.approx(prod(1 + 0.05 * net for net in nets), rel=1e-12)
    assert course.equity[-1] == pytest.approx(np.prod(1 + course.returns), rel=1e-12)


def test_no_cap_is_passed_and_no_instrument_is_held_twice():
    prices, made = aimless(instruments=20, candles=400)
    made = replace(made, probability=np.full(len(made), 0.9))
    course = trade(made, sizing(20, correlation=0.0, reference_kelly=np.ones(20)), prices)
    assert course.trades.size.max() <= 0.05
    assert 0.75 < course.exposure.max() < 0.85  # prices move what was entered below 0.8
    for column in range(20):
        own = course.trades.instrument == column
        assert (course.trades.decided_at[own][1:] >= course.trades.end_at[own][:-1]).all()


def test_a_model_that_knows_beats_one_that_flips_coins():
    prices, made = aimless()
    draw = np.random.default_rng(1)
    knows = replace(made, probability=np.where(made.net > 0, 0.9, 0.1))
    guesses = replace(made, probability=draw.permutation(knows.probability))
    good, lucky = (trade(one, sizing(3), prices) for one in (knows, guesses))
    assert (good.trades.net > 0).all()
    assert good.equity[-1] > 1.1
    assert lucky.equity[-1] < 1.02
    assert len(lucky.trades) > 50


def test_whoever_knows_the_base_rate_alone_trades_nothing():
    prices, made = aimless()
    y = (made.net > 0).astype(np.int8)
    payoff = measure_payoff(made.gross, made.barrier, y, np.ones(len(y)))
    terms = sizing(3, a_win=np.full(3, payoff.a_win), a_loss=np.full(3, payoff.a_loss))
    assert not may_pay(replace(made, probability=np.full(len(y), y.mean())), terms).any()
    course = base_rate(made, float(y.mean()), terms, prices)
    assert len(course.trades) == 0
    assert course.equity[-1] == 1


def test_the_more_trading_costs_the_less_is_left():
    prices, made = aimless()
    knows = replace(made, probability=np.where(made.net > 0, 0.9, 0.1))
    left = [
        trade(
            replace(knows, net=net_return(made.gross, fee, 0.0005)),
            sizing(3, fee_ratio=fee),
            prices,
        ).equity[-1]
        for fee in (0.0, 0.0005, 0.001, 0.0015)
    ]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[1] > left[2] > left[3] > 1


def test_the_order_of_the_bets_does_not_matter():
    prices, made = aimless(instruments=4, candles=300)
    knows = replace(made, probability=np.where(made.net > 0, 0.9, 0.7))
    mixed = taken(knows, np.random.default_rng(2).permutation(len(knows)))
    one, other = (trade(each, sizing(4), prices) for each in (knows, mixed))
    assert one.equity.tolist() == other.equity.tolist()
    assert one.trades.instrument.tolist() == other.trades.instrument.tolist()
    order = np.lexsort((one.trades.instrument, one.trades.decided_at))
    assert order.tolist() == list(range(len(one.trades)))


def test_prices_stand_on_one_grid_and_bridges_are_holes():
    own, other = candles_of(BTC, 30, seed=1), candles_of(ETH, 30, seed=2)
    kept = np.delete(np.arange(30), 11)
    other = replace(other.taken(kept), is_filled=np.arange(29) == 20)
    first, last = int(own.closed_at[9]), int(own.closed_at[24])
    prices = prices_of({ETH: other, BTC: own}, (BTC, ETH), HOUR, first, last)
    assert prices.instants.tolist() == own.closed_at[9:25].tolist()
    assert prices.open[:, 0].tolist() == own.ohlcv[9:25, 0].tolist()
    assert prices.close[:, 0].tolist() == own.ohlcv[9:25, 3].tolist()
    assert np.flatnonzero(np.isnan(prices.open[:, 1])).tolist() == [2, 12]
    assert prices.close[3, 1] == other.ohlcv[11, 3]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"net": [np.nan]}, "bets.net"),
        ({"net": [-1.0]}, "bets.net"),
        ({"probability": [np.nan]}, "bets.probability"),
        ({"probability": [1.1]}, "bets.probability"),
        ({"confidence": [-0.1]}, "bets.confidence"),
        ({"instrument": [1]}, "bets.instrument"),
        ({"end_at": [at(0)]}, "bets.end_at"),
        ({"decided_at": [at(0) + 1]}, "prices"),
        ({"end_at": [at(8)]}, "prices"),
        ({"net": [0.1, 0.2]}, "bets"),
    ],
)
def test_bets_that_cannot_be_judged_are_refused(changes, field):
    with pytest.raises(BadInput) as refusal:
        trade(bets([(0, 0, 3, 0.1)], **changes), sizing(), market(FLAT_HOURS))
    assert refusal.value.field == field


def test_two_bets_on_one_instrument_at_one_instant_are_refused():
    with pytest.raises(BadInput, match="two for one instrument"):
        trade(bets([(0, 0, 3, 0.1), (0, 0, 4, 0.1)]), sizing(), market(FLAT_HOURS))


def test_prices_need_a_period():
    with pytest.raises(BadInput, match="no period"):
        prices_of({}, (), HOUR, at(3), at(2))


def test_the_defaults_are_those_of_risk_and_of_the_label():
    terms, rule = sizing(), LabelRule()
    assert (terms.cap, terms.exposure) == (LIMITS.max_position_ratio, LIMITS.max_exposure_ratio)
    assert (terms.correlation, terms.ceiling) == (LIMITS.correlation_floor, LIMITS.kelly_fraction)
    assert (terms.quantile, terms.prior) == (LIMITS.probability_quantile, LIMITS.prior_weight)
    assert terms.min_margin == LIMITS.min_probability_margin
    assert terms.min_barrier_costs == LIMITS.min_barrier_costs
    assert terms.collar == float(LIMITS.entry_collar)
    assert terms.caps.worst_cost == pytest.approx(
        risk.core.kelly.worst_case_factor(LIMITS, COSTS), rel=1e-15
    )
    assert (terms.fee_ratio, terms.slippage_ratio) == (rule.fee_ratio, rule.slippage_ratio)
