"""The fast search for a model's actions misses none of those the service would find."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from backtest.engine import Engine
from backtest.inputs import BacktestSpec, Speaker
from backtest.market import Market
from backtest.opinions import Opinions
from executor.core.matching import MatchingRules
from executor.core.planning import OrderPolicy
from models.booster import BoosterParams
from models.dataset import CandleArrays
from models.manifest import LabelRule, TradedMarket
from models.registry import Registry
from models.signing import ANY_UNSIGNED
from models.train import TrainingConfig, train_models
from recommender.core.book import Policy
from risk.core.limits import Costs, RiskLimits
from risk.core.review import Terms
from shared.domain.candle import reference_of
from shared.domain.enums import Interval, Purpose
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import Instrument
from signal_generator.core.belief import believe
from signal_generator.core.scoring import ML, ScoringPolicy, generate_signal
from signal_generator.core.window import Windows
from signals.core.combine import Mixture, combine
from signals.core.rules import RULE, Moment, RulePolicy, RuleState, advance, rule_signal
from tests.swiftly import SWIFTLY

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
ACCOUNT = AccountId("mock-main")
FEE, SLIPPAGE = 0.0002, 0.0001
SYMBOLS = (Symbol("BTC-USDT"), Symbol("ETH-USDT"))


def leaning_market(symbol, seed, count=2600):
    """Returns that lean with the last six: something a model can learn."""
    random = np.random.default_rng(seed)
    noise = 0.015 * random.standard_normal(count)
    returns = np.zeros(count)
    for t in range(6, count):
        returns[t] = noise[t] + 0.006 * np.tanh(returns[t - 6 : t].sum() / 0.03)
    close = np.round(100 * np.exp(np.cumsum(returns)), 2)
    opens = np.concatenate(([100.0], close[:-1]))
    wick = 0.004 * np.abs(random.normal(size=(2, count)))
    high = np.round(np.maximum(opens, close) * (1 + wick[0]) + 0.005, 2)
    low = np.round(np.minimum(opens, close) * (1 - wick[1]) - 0.005, 2)
    volume = np.round(1e5 * np.exp(random.normal(size=count)), 3)
    return CandleArrays(
        symbol=symbol,
        closed_at=START + 3600 * np.arange(1, count + 1),
        ohlcv=np.stack((opens, high, low, close, volume), axis=1),
        is_filled=np.zeros(count, dtype=bool),
    )


@pytest.fixture(scope="module")
def data():
    """The second instrument lacks some hours, and one is bridged."""
    whole = {symbol: leaning_market(symbol, seed) for seed, symbol in enumerate(SYMBOLS)}
    kept = np.ones(2600, dtype=bool)
    kept[[700, 701, 1900]] = False
    holed = whole[SYMBOLS[1]].taken(np.flatnonzero(kept))
    holed.is_filled[2300] = True
    holed.ohlcv[2300, :4] = holed.ohlcv[2299, 3]
    holed.ohlcv[2300, 4] = 0.0
    return {**whole, SYMBOLS[1]: holed}


@pytest.fixture(scope="module")
def speakers(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    whole = {symbol: leaning_market(symbol, seed + 10) for seed, symbol in enumerate(SYMBOLS)}
    config = TrainingConfig(
        market=TradedMarket.of("synthetic", Interval.H1, SYMBOLS),
        label=LabelRule(fee_ratio=FEE, slippage_ratio=SLIPPAGE),
        booster=BoosterParams(max_rounds=40, eta=0.1, min_child_weight=10.0, threads=1),
        min_effective_labels=50.0,
        **SWIFTLY,
    )
    train_models(whole, config, root, datetime(2024, 4, 1, tzinfo=UTC), lambda *_: None)
    registry = Registry(root, trust=ANY_UNSIGNED)
    registry.refresh()
    return {symbol: Speaker(model=registry.model_for(symbol)) for symbol in SYMBOLS}


def spec_of(weights, limits):
    instruments = {
        symbol: Instrument(
            symbol=symbol,
            venue="synthetic",
            base=symbol.split("-")[0],
            quote="USDT",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.001"),
            min_notional=Decimal(5),
        )
        for symbol in SYMBOLS
    }
    costs = Costs(fee_ratio=FEE, slippage_ratio=SLIPPAGE)
    return BacktestSpec(
        account=ACCOUNT,
        interval=Interval.H1,
        opening_balance=Decimal(10_000),
        rules=RulePolicy(),
        scoring=ScoringPolicy(
            fee_ratio=FEE,
            slippage_ratio=SLIPPAGE,
            retrain_days=30.0,
            exit_probability=0.45,
            max_unfamiliar_ratio=0.2,
        ),
        mixture=Mixture(weights=weights, threshold=0.5),
        recommender=Policy(account=ACCOUNT, interval=Interval.H1),
        risk=Terms(limits=limits, costs=costs, instruments=instruments),
        orders=OrderPolicy(mode="mock", venue="synthetic"),
        matching=MatchingRules(fee_ratio=Decimal(str(FEE)), slippage_ratio=Decimal(str(SLIPPAGE))),
    )


class AsTheServicesDo(Engine):
    """Asks model and baseline candle by candle, through their streaming forms."""

    def __init__(self, spec, market, speakers):
        super().__init__(spec, market, Opinions(market, spec, speakers))
        self._speakers = speakers
        self._windows = Windows(spec.interval, market.symbols)
        self._states = dict.fromkeys(market.symbols, RuleState())

    def _wake(self, symbol):
        return self._at + 1

    def _may_act(self, symbol):
        return True

    def _signal(self, symbol):
        candle = self._market.candle(symbol, self._at)
        if candle is None:
            return None
        reference = reference_of(symbol, self._market.symbols)
        vector = self._windows.advance(candle, self._market.candle(reference, self._at))
        (belief,) = believe(self._speakers[symbol].model, vector[np.newaxis])
        model = generate_signal(candle, self._spec.interval, vector, belief, self._spec.scoring)
        self._states[symbol], code, sigma = advance(
            self._states[symbol], float(candle.close), candle.is_filled
        )
        moment = Moment(
            symbol=symbol,
            interval=self._spec.interval,
            closed_at=candle.closed_at,
            price=candle.close,
        )
        rule = rule_signal(moment, code, sigma, self._spec.rules)
        return combine({RULE: rule, ML: model}, self._spec.mixture)


@pytest.mark.parametrize(
    "weights",
    [
        {"ml": 0.7, "ema_rsi": 0.3},
        {"ml": 0.5, "ema_rsi": 0.5},
        {"ml": 0.3, "ema_rsi": 0.7},
        {"ml": 1.0},
    ],
    ids=str,
)
def test_the_fast_search_decides_what_the_streaming_services_decide(data, speakers, weights):
    spec = spec_of(weights, RiskLimits())
    market = Market(data, spec.interval)
    fast = Engine(spec, market, Opinions(market, spec, speakers)).run("fast")
    slow = AsTheServicesDo(spec, market, speakers).run("slow")
    assert fast.decisions == slow.decisions
    assert fast.final == slow.final
    assert fast.decisions.recommendations


def test_models_trade_by_kelly_and_not_at_a_fixed_size(data, speakers):
    spec = spec_of({"ml": 1.0}, RiskLimits())
    market = Market(data, spec.interval)
    result = Engine(spec, market, Opinions(market, spec, speakers)).run("ml")
    entries = [
        verdict
        for verdict, one in zip(
            result.decisions.verdicts, result.decisions.recommendations, strict=True
        )
        if one.purpose is Purpose.ENTRY
    ]
    assert entries
    assert {verdict.sizing.kind for verdict in entries} == {"kelly"}


def test_a_model_of_no_weight_is_not_asked(data, speakers):
    spec = spec_of({"ml": 0.0, "ema_rsi": 1.0}, RiskLimits())
    market = Market(data, spec.interval)
    asked = Engine(spec, market, Opinions(market, spec, speakers)).run("a")
    alone = replace(spec, mixture=Mixture(weights={"ema_rsi": 1.0}, threshold=0.5))
    unasked = Engine(alone, market, Opinions(market, alone, {})).run("b")
    assert asked.decisions == unasked.decisions
