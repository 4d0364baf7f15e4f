"""Looking only where something can happen decides what looking at every candle decides."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from backtest.baselines import flat
from backtest.engine import Engine, run
from backtest.inputs import BacktestSpec
from backtest.market import Market
from backtest.opinions import Opinions
from backtest.report import as_document, build_report
from executor.core.matching import MatchingRules
from executor.core.planning import OrderPolicy
from models.dataset import CandleArrays
from portfolio.core.equity import drawdown
from recommender.core.book import Policy
from risk.core.limits import Costs, RiskLimits
from risk.core.review import Terms
from shared.domain.enums import ExitReason, Interval, OrderType, Purpose, Side, TimeInForce
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import Instrument
from shared.domain.verdict import Approved
from signal_generator.core.scoring import ScoringPolicy
from signals.core.combine import Mixture
from signals.core.rules import RulePolicy

START = int(datetime(2024, 1, 1, 5, tzinfo=UTC).timestamp())
ACCOUNT = AccountId("mock-main")
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
NAMES = ("AAA-USDT", "BBB-USDT", "CCC-USDT")


def market_of(seed, count=1500, names=NAMES, volume=1e6, missing=0.02, filled=0.02):
    """Prices that trend and turn, with candles missing, bridged, and of little volume."""
    random = np.random.default_rng(seed)
    data = {}
    for number, name in enumerate(names):
        drift = 0.004 * np.sin(np.arange(count) / (40 + 17 * number))
        steps = drift + 0.01 * random.standard_normal(count)
        close = np.round(100 * np.exp(np.cumsum(steps)), 2)
        opens = np.round(
            np.concatenate(([100.0], close[:-1])) * np.exp(0.002 * random.standard_normal(count)), 2
        )
        high = np.round(np.maximum(opens, close) * (1 + 0.004 * random.random(count)) + 0.01, 2)
        low = np.round(np.minimum(opens, close) * (1 - 0.004 * random.random(count)) - 0.01, 2)
        volumes = np.round(volume * random.random(count), 3)
        ohlcv = np.stack((opens, high, low, close, volumes), axis=1)
        bridged = random.random(count) < filled
        bridged[0] = False
        ohlcv[bridged, :4] = ohlcv[bridged, 3:4]
        ohlcv[bridged, 4] = 0.0
        kept = random.random(count) >= missing
        kept[0] = True
        data[Symbol(name)] = CandleArrays(
            symbol=Symbol(name),
            closed_at=(START + 3600 * (1 + np.arange(count)))[kept],
            ohlcv=ohlcv[kept],
            is_filled=bridged[kept],
        )
    return data


def spec_of(names=NAMES, **limits):
    instruments = {
        Symbol(name): Instrument(
            symbol=Symbol(name),
            venue="synthetic",
            base=name.split("-")[0],
            quote="USDT",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.001"),
            min_notional=Decimal(5),
        )
        for name in names
    }
    return BacktestSpec(
        account=ACCOUNT,
        interval=Interval.H1,
        opening_balance=Decimal(10_000),
        rules=RulePolicy(),
        scoring=ScoringPolicy(fee_ratio=0.001, slippage_ratio=0.0005),
        mixture=Mixture(weights={"ema_rsi": 1.0}, threshold=0.5),
        recommender=Policy(account=ACCOUNT, interval=Interval.H1),
        risk=Terms(limits=RiskLimits(**limits), costs=COSTS, instruments=instruments),
        orders=OrderPolicy(mode="mock", venue="synthetic"),
        matching=MatchingRules(fee_ratio=Decimal("0.001"), slippage_ratio=Decimal("0.0005")),
    )


class EveryCandle(Engine):
    """Visits every instrument at every candle and asks everybody about everything."""

    def _wake(self, symbol):
        return self._at + 1

    def _may_act(self, symbol):
        return True

    def _signal(self, symbol):
        return self._opinions.signal(symbol, self._at)


def both(spec, data):
    market = Market(data, spec.interval)
    opinions = Opinions(market, spec, {})
    return Engine(spec, market, opinions).run("a"), EveryCandle(spec, market, opinions).run("a")


VARIANTS = {
    "usual": lambda spec: spec,
    "short horizon": lambda spec: replace(spec, rules=RulePolicy(horizon_candles=3)),
    "long horizon": lambda spec: replace(spec, rules=RulePolicy(horizon_candles=400)),
    "resting orders": lambda spec: replace(
        spec,
        orders=OrderPolicy(
            mode="mock",
            venue="synthetic",
            entry_time_in_force=TimeInForce.GTC,
            exit_type=OrderType.MARKET,
        ),
    ),
    "early brake": lambda spec: replace(
        spec, risk=replace(spec.risk, limits=RiskLimits(max_drawdown_ratio=0.001))
    ),
    "early brake within a day": lambda spec: replace(
        spec, risk=replace(spec.risk, limits=RiskLimits(max_day_loss_ratio=0.001))
    ),
    "few trades a day": lambda spec: replace(
        spec, risk=replace(spec.risk, limits=RiskLimits(max_trades_per_day=1))
    ),
    "large positions": lambda spec: replace(
        spec,
        risk=replace(
            spec.risk,
            limits=RiskLimits(
                max_position_ratio=0.6, rule_based_ratio=0.6, max_exposure_ratio=0.95
            ),
        ),
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("seed", "volume"), [(1, 1e6), (2, 20.0), (3, 3.0)])
def test_skipping_decides_what_every_candle_decides(variant, seed, volume):
    spec = VARIANTS[variant](spec_of())
    fast, slow = both(spec, market_of(seed, volume=volume))
    assert fast.decisions == slow.decisions
    assert fast.final == slow.final
    np.testing.assert_allclose(fast.outcome.curve.equity, slow.outcome.curve.equity, rtol=1e-12)
    np.testing.assert_allclose(
        fast.outcome.curve.invested_ratio, slow.outcome.curve.invested_ratio, atol=1e-12
    )
    assert fast.decisions.recommendations


def test_an_order_fills_in_the_candle_after_its_decision_and_never_earlier():
    result = run(spec_of(), market_of(4), {})
    orders = {order.client_order_id: order for order in result.decisions.orders}
    for fill in result.decisions.fills:
        order = orders[fill.client_order_id]
        if order.exit_reason in (ExitReason.STOP, ExitReason.TARGET):
            continue
        assert fill.filled_at >= order.decided_at


def test_the_result_balances_to_the_last_digit():
    result = run(spec_of(), market_of(5), {})
    cash = Decimal(10_000)
    held = dict.fromkeys(map(Symbol, NAMES), Decimal(0))
    for fill in result.decisions.fills:
        held[fill.symbol] += fill.side.sign * fill.quantity
        cash -= fill.side.sign * fill.quantity * fill.price + fill.fee
    assert result.final.cash == cash
    assert {one.symbol: one.quantity for one in result.final.positions} == {
        symbol: quantity for symbol, quantity in held.items() if quantity
    }
    trips = sum((trip.pnl for trip in result.decisions.trips if trip.closed_at), Decimal(0))
    open_trips = [trip for trip in result.decisions.trips if trip.closed_at is None]
    if not open_trips:
        assert result.final.realized_pnl == trips
    assert result.final.drawdown_ratio == drawdown(result.final.equity, result.final.peak_equity)


@pytest.mark.parametrize("limit", ["max_drawdown_ratio", "max_day_loss_ratio"])
def test_the_brake_stops_entries_and_lets_exits_pass(limit):
    spec = spec_of(**{limit: 0.001})
    result = run(spec, market_of(1), {})
    approved = [one for one in result.decisions.verdicts if isinstance(one, Approved)]
    last_entry = max(one.decided_at for one in approved if one.purpose is Purpose.ENTRY)
    free = run(spec_of(), market_of(1), {})
    assert last_entry < max(
        one.decided_at for one in free.decisions.recommendations if one.side is Side.BUY
    )
    assert result.final.positions == ()


def test_the_brake_ends_entries_that_still_wait():
    spec = VARIANTS["resting orders"](spec_of(max_drawdown_ratio=0.001))
    decisions = run(spec, market_of(3, volume=3.0), {}).decisions
    stopped = [order for order in decisions.orders if order.detail == "entries were stopped"]
    assert stopped
    entered = [fill.filled_at for fill in decisions.fills if fill.purpose is Purpose.ENTRY]
    assert max(entered) <= stopped[0].updated_at


def test_the_same_candles_give_the_same_ids():
    first, second = (run(spec_of(), market_of(6), {}) for _ in range(2))
    assert first.decisions == second.decisions


def test_instruments_do_not_know_of_one_another_beyond_the_account():
    alone = run(spec_of(), market_of(7, names=NAMES[:1]), {})
    ids = {one.recommendation_id for one in alone.decisions.recommendations}
    together = run(spec_of(), market_of(7), {})
    assert ids & {one.recommendation_id for one in together.decisions.recommendations}


def test_a_report_has_every_figure():
    result = run(spec_of(), market_of(8), {}, name="baseline")
    rival = flat(Market(market_of(8), Interval.H1), Decimal(10_000))
    report = build_report("t", result, (rival,))
    assert [table.title for table in report.tables] == ["Figures", "Instruments", "Exits"]
    assert report.tables[0].columns == ("", "baseline", "flat")
    assert len(report.tables[0].rows) == 17
    document = as_document(result, (rival,))
    assert document["fills"] == len(result.decisions.fills)
    assert set(document["instruments"]) == set(NAMES)


def test_candles_of_something_that_is_not_traded_are_refused():
    with pytest.raises(BadInput, match="not traded"):
        run(spec_of(names=NAMES[:1]), market_of(9), {})


def test_without_money_there_is_nothing_to_run():
    with pytest.raises(BadInput, match="OPENING_BALANCE"):
        run(replace(spec_of(), opening_balance=Decimal(0)), market_of(9), {})


def test_a_run_says_how_far_it_is():
    shares = []
    run(spec_of(), market_of(9), {}, report=shares.append)
    assert shares == sorted(shares)
    assert 10 < len(shares) <= 101
    assert 0 <= shares[0] < 0.2
    assert 0.9 < shares[-1] < 1
