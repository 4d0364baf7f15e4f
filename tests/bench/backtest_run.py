"""One backtest in this process: `python -m tests.bench.backtest_run ema|ml|floor`."""

import json
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from backtest.engine import run
from backtest.inputs import BacktestSpec, Speaker
from executor.core.matching import MatchingRules
from executor.core.planning import OrderPolicy
from executor.settings import ExecutorSettings
from models.dataset import CandleArrays
from models.features import load_compiled
from recommender.core.book import Policy
from risk.core.limits import Costs, RiskLimits
from risk.core.review import Terms
from shared.domain.enums import Interval
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import to_decimal
from shared.runtime.settings import PlatformSettings
from signal_generator.core.scoring import ML
from signal_generator.settings import SignalGeneratorSettings
from signals.core.combine import Mixture
from signals.core.rules import RULE, RulePolicy
from tests.bench.__main__ import RECORDS
from tests.bench.machine import peak_mb, resident_mb
from tests.bench.markets import BTC, instrument, year_of_minutes
from tests.bench.trained import champions, models_folder

_OPENING = Decimal(1_000_000)  # large enough that the smallest order is never in the way
_FEE, _SLIPPAGE = 0.001, 0.0
_ML_FEE, _ML_SLIPPAGE = 0.0, 0.0001  # at usual fees one-minute brackets are refused as too narrow
_WARM_CANDLES = 2_000


def spec(weights: dict[str, float], fee: float, slippage: float) -> BacktestSpec:
    account, interval = AccountId("mock-bench"), Interval.M1
    limits = RiskLimits(
        max_trades_per_day=1_000_000,
        max_drawdown_ratio=1.0,
        max_day_loss_ratio=1.0,
        max_losses_in_row=1000,
        max_volatility_ratio=1000.0,
        min_barrier_costs=0.0,
    )  # nothing stops trading, as nothing stops the float loop beside it
    orders: OrderPolicy = ExecutorSettings().policy(PlatformSettings())
    return BacktestSpec(
        account=account,
        interval=interval,
        opening_balance=_OPENING,
        rules=RulePolicy(min_barrier_ratio=0.0001),
        scoring=SignalGeneratorSettings(retrain_days=3650).policy(fee, slippage),
        mixture=Mixture(weights=weights, threshold=0.5),
        recommender=Policy(account=account, interval=interval, ttl_candles=1),
        risk=Terms(
            limits=limits,
            costs=Costs(fee_ratio=fee, slippage_ratio=slippage),
            instruments={BTC: instrument(BTC)},
        ),
        orders=orders,
        matching=MatchingRules(
            fee_ratio=to_decimal(fee),
            slippage_ratio=to_decimal(slippage),
            participation_ratio=Decimal(1),
        ),
    )


def ema(data: CandleArrays) -> tuple[int, dict[str, Any]]:
    found = run(spec({ML: 0.0, RULE: 1.0}, _FEE, _SLIPPAGE), {BTC: data}, {})
    return len(found.decisions.fills), {}


def with_model() -> Callable[[CandleArrays], tuple[int, dict[str, Any]]]:
    model = next(one for one in champions(models_folder(Interval.M1)) if one.scope == "BTCUSDT")

    def ml(data: CandleArrays) -> tuple[int, dict[str, Any]]:
        speakers = {Symbol(BTC): Speaker(model=model)}
        found = run(spec({ML: 0.7, RULE: 0.3}, _ML_FEE, _ML_SLIPPAGE), {BTC: data}, speakers)
        more = {"trees": len(model.forest.roots), "verdicts": len(found.decisions.verdicts)}
        return len(found.decisions.fills), more

    return ml


def floor(data: CandleArrays) -> tuple[int, dict[str, Any]]:
    """The same crossing as a beginner would write it: floats, no brackets, no risk, no ids."""
    cash, quantity, fills = float(_OPENING), 0.0, 0
    fast = slow = 0.0
    above: bool | None = None
    pending = 0
    equity: list[float] = []
    for count, (open_, _, _, close, _) in enumerate(data.ohlcv.tolist()):
        if pending > 0:
            quantity = 0.05 * cash / open_
            cash -= quantity * open_ * (1 + _FEE)
            fills += 1
        elif pending < 0:
            cash += quantity * open_ * (1 - _FEE)
            quantity = 0.0
            fills += 1
        pending = 0
        fast = close if count == 0 else fast + 2.0 / 21.0 * (close - fast)
        slow = close if count == 0 else slow + 2.0 / 51.0 * (close - slow)
        was, above = above, fast > slow
        if count > 50 and above != was:
            pending = 1 if above and not quantity else -1 if not above and quantity else 0
        equity.append(cash + quantity * close)
    return fills, {}


def main(kind: str) -> None:
    load_compiled()
    data = year_of_minutes(BTC, RECORDS)
    work = with_model() if kind == "ml" else {"ema": ema, "floor": floor}[kind]
    work(data.between(int(data.closed_at[0]), int(data.closed_at[_WARM_CANDLES])))
    before = resident_mb()
    start, cpu = time.perf_counter(), time.process_time()
    fills, more = work(data)
    more |= {"cpu_seconds": time.process_time() - cpu}
    seconds = time.perf_counter() - start
    found = {"seconds": seconds, "fills": fills, "before_mb": before, "peak_mb": peak_mb(), **more}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
