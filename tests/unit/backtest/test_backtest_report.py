import re
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from backtest.baselines import buy_and_hold, flat, held_ratio
from backtest.charts import drawdowns, thinned, write_html, write_png
from backtest.market import Market
from backtest.report import Report, comparison
from models.dataset import CandleArrays
from risk.core.limits import Costs
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)


def arrays(closes, first_hour=0):
    close = np.array(closes, dtype=float)
    opens = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opens, close) * 1.01, np.minimum(opens, close) * 0.99
    return CandleArrays(
        symbol=BTC,
        closed_at=START + 3600 * (first_hour + 1 + np.arange(len(close))),
        ohlcv=np.stack((opens, high, low, close, np.ones(len(close))), axis=1),
        is_filled=np.zeros(len(close), dtype=bool),
    )


def test_buy_and_hold_pays_its_costs_and_starts_at_the_second_open():
    market = Market({BTC: arrays([100.0, 110.0, 121.0])}, Interval.H1)
    outcome = buy_and_hold(market, Decimal(10_000), COSTS)
    quantity = 10_000 / 1.001 / (100 * 1.0005)
    assert outcome.curve.equity == pytest.approx([10_000, 10_000, quantity * 110, quantity * 121])
    assert outcome.performance.return_ratio == pytest.approx(1.21 / 1.001 / 1.0005 - 1)
    assert float(outcome.performance.fees) == pytest.approx(10_000 / 1.001 * 0.001)


def test_buy_and_hold_keeps_the_share_of_a_late_instrument_in_cash():
    market = Market(
        {BTC: arrays([100.0] * 4), ETH: arrays([10.0, 10.0], first_hour=2)}, Interval.H1
    )
    free = buy_and_hold(market, Decimal(10_000), Costs(fee_ratio=0.0, slippage_ratio=0.0))
    assert list(free.curve.invested_ratio) == pytest.approx([0.0, 0.5, 0.5, 1.0])
    assert held_ratio(market, ETH) == 0.0


def test_flat_earns_nothing_and_loses_nothing():
    figures = flat(Market({BTC: arrays([1.0, 2.0])}, Interval.H1), Decimal(10_000)).performance
    assert (figures.return_ratio, figures.sharpe, figures.max_drawdown_ratio) == (0.0, 0.0, 0.0)


def test_thinning_keeps_both_extremes():
    values = np.zeros(50_000)
    values[31_337], values[4_242] = 7.0, -3.0
    chosen = thinned(values)
    assert len(chosen) <= 1_300
    assert {0, 4_242, 31_337, 49_999} <= set(chosen.tolist())


def test_drawdowns_are_positive_ratios_from_the_peak():
    assert drawdowns(np.array([100.0, 120.0, 90.0, 130.0])) == pytest.approx([0, 0, 0.25, 0])


def test_pictures_and_pages_are_written_and_load_nothing(tmp_path):
    random = np.random.default_rng(1)
    market = Market(
        {BTC: arrays(100 * np.exp(np.cumsum(0.01 * random.standard_normal(3000))))}, Interval.H1
    )
    outcomes = (buy_and_hold(market, Decimal(10_000), COSTS), flat(market, Decimal(10_000)))
    curves = {one.name: one.curve for one in outcomes}
    write_png(tmp_path / "equity.png", curves, "Équité")
    report = Report(title="A <test>", notes=("note & more",), tables=(comparison(outcomes),))
    write_html(tmp_path / "equity.html", curves, report)
    assert (tmp_path / "equity.png").read_bytes()[:4] == b"\x89PNG"
    page = (tmp_path / "equity.html").read_text()
    assert "A &lt;test&gt;" in page
    assert page.count("<polyline") == 2
    assert not re.search(r"(src|href)=|https?://", page)


@pytest.mark.parametrize("change", ["price", "order", "nothing"])
def test_candles_that_cannot_be_used_are_refused(change):
    candles = arrays([1.0, 2.0, 3.0])
    if change == "price":
        candles.ohlcv[1, 2] = float("nan")
    elif change == "order":
        candles.closed_at[2] = candles.closed_at[1]
    else:
        candles = arrays([])
    with pytest.raises(BadInput):
        Market({BTC: candles}, Interval.H1)
