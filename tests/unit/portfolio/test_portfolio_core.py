from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from portfolio.core.booking import booking_of
from portfolio.core.books import book, flat
from portfolio.core.equity import Holdings, mark, opening_watermark, watermark_of
from portfolio.core.flow import Flow, flow_of
from portfolio.core.performance import Activity, EquityCurve, measure
from portfolio.core.position import Position, apply
from portfolio.core.trades import RoundTrip
from shared.domain.enums import ExitReason, Liquidity, Purpose, Side
from shared.domain.errors import Conflict
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.order import Fill

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
ACCOUNT = AccountId("mock-main")
BTC = Symbol("BTC-USDT")
D = Decimal


def fill(trade, side, quantity, price, *, fee="0", fee_asset="USDT", minutes=0):
    return Fill(
        trade_id=TradeId(trade),
        client_order_id=ClientOrderId(trade),
        account=ACCOUNT,
        venue="sim",
        symbol=BTC,
        side=side,
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        quantity=D(quantity),
        price=D(price),
        reference_price=D(price),
        fee=D(fee),
        fee_asset=fee_asset,
        liquidity=Liquidity.TAKER,
        filled_at=START + timedelta(minutes=minutes),
    )


def after(*fills):
    holding = flat(BTC)
    for one in fills:
        reason = ExitReason.STOP if one.side is Side.SELL else None
        booked = book(holding, booking_of(one, reason))
        holding = booked.holding
    return booked


def test_cost_includes_the_purchase_fee_and_proceeds_are_net_of_the_sales_fee():
    bought = after(fill("a", Side.BUY, "2", "100", fee="1"))
    assert bought.holding.position.cost_basis == D("201")
    assert bought.holding.position.average_cost == D("100.5")
    sold = after(
        fill("a", Side.BUY, "2", "100", fee="1"), fill("b", Side.SELL, "1", "110", fee="0.5")
    )
    assert sold.holding.position.realized_pnl == D("109.5") - D("100.5")
    assert sold.holding.position.cost_basis == D("100.5")
    assert sold.holding.position.fees == D("1.5")


def test_closing_in_thirds_leaves_no_cost_behind():
    holding = after(
        fill("a", Side.BUY, "3", "33.333333333333333333", fee="0.000000000000000001"),
        fill("b", Side.SELL, "1", "30"),
        fill("c", Side.SELL, "1", "30"),
        fill("d", Side.SELL, "1", "30"),
    ).holding
    assert holding.position.quantity == 0
    assert holding.position.cost_basis == 0
    assert holding.position.average_cost == 0
    assert holding.position.opened_at is None
    assert holding.lots == ()
    assert holding.position.realized_pnl == D("90") - D("100.000000000000000000")


def test_a_fee_in_the_base_asset_reduces_what_is_held():
    position = after(fill("a", Side.BUY, "1", "100", fee="0.001", fee_asset="BTC")).holding.position
    assert position.quantity == D("0.999")
    assert position.cost_basis == D("100")
    assert position.fees == D("0.1")


def test_a_sale_of_more_than_is_held_is_booked_and_the_rest_waits_to_be_explained():
    sold = after(
        fill("a", Side.BUY, "1", "100"), fill("b", Side.SELL, "1.5", "120", fee="1.5", minutes=1)
    )
    position = sold.holding.position
    assert sold.unexplained == D("0.5")
    assert (position.quantity, position.cost_basis) == (0, 0)
    assert (position.unexplained, position.unexplained_proceeds) == (D("0.5"), D("59.5"))
    assert position.realized_pnl == D("119") - D("100")
    assert position.fees == D("1.5")
    assert sold.holding.trips == ()
    assert sold.holding.lots == ()


def test_a_purchase_that_was_made_before_the_sale_and_heard_after_it_explains_it():
    late = after(
        fill("b", Side.SELL, "1", "120", minutes=1), fill("a", Side.BUY, "1.5", "100", minutes=0)
    )
    position = late.holding.position
    assert late.unexplained == D("-1")
    assert (position.quantity, position.cost_basis) == (D("0.5"), D("50"))
    assert (position.unexplained, position.unexplained_proceeds) == (0, 0)
    assert position.realized_pnl == D("20")


def test_a_purchase_made_after_the_sale_does_not_explain_it():
    later = after(
        fill("b", Side.SELL, "1", "120", minutes=1), fill("a", Side.BUY, "1.5", "100", minutes=2)
    )
    position = later.holding.position
    assert later.unexplained == 0
    assert (position.quantity, position.unexplained) == (D("1.5"), D("1"))
    assert position.realized_pnl == 0


def test_no_position_bears_a_flow_that_makes_it_short():
    flow = Flow(base=D("-1"), quote=D("100"), notional=D("100"), fee_quote=D("0"))
    with pytest.raises(Conflict, match="long only"):
        apply(Position(symbol=BTC), flow, START)


def test_a_round_trip_knows_what_it_earned_and_why_it_ended():
    (trip,) = after(
        fill("a", Side.BUY, "1", "100", fee="0.1"),
        fill("b", Side.BUY, "1", "90", fee="0.1"),
        fill("c", Side.SELL, "2", "99", fee="0.2", minutes=5),
    ).changed_trips
    assert trip.pnl == D("197.8") - D("190.2")
    assert trip.closed_at == START + timedelta(minutes=5)
    assert trip.exit_reason is ExitReason.STOP


def test_a_market_price_of_more_digits_than_a_table_holds_is_booked_as_the_table_holds_it():
    sale = replace(fill("a", Side.SELL, "3", "10"), reference_price=D("10.0000000000000000003"))

    assert booking_of(sale, None).reference_price == D(10)
    assert flow_of(sale).slippage == D(0)


def test_lots_are_sold_first_in_first_out():
    holding = after(
        fill("a", Side.BUY, "1", "100"),
        fill("b", Side.BUY, "1", "200", minutes=1),
        fill("c", Side.SELL, "1.5", "150", minutes=2),
    ).holding
    (lot,) = holding.lots
    assert (lot.lot_id, lot.remaining, lot.remaining_cost) == (
        "sim:mock-main:b",
        D("0.5"),
        D("100"),
    )


def held(quantity="1", cost="100"):
    return Position(symbol=BTC, quantity=D(quantity), cost_basis=D(cost), opened_at=START)


def marked(price, previous, as_of, cash="900"):
    holdings = Holdings(account=ACCOUNT, cash=D(cash), positions=(held(),))
    return mark(holdings, {BTC: D(price)}, previous, as_of)


def test_the_peak_includes_unrealised_gains_and_drawdown_is_measured_from_it():
    first = marked("150", opening_watermark(D("1000")), START)
    assert (first.equity, first.peak_equity, first.unrealized_pnl) == (
        D("1050"),
        D("1050"),
        D("50"),
    )
    second = marked("45", watermark_of(first), START + timedelta(hours=1))
    assert second.peak_equity == D("1050")
    assert second.drawdown_ratio == D("0.1")


def test_a_day_starts_with_the_equity_at_midnight():
    late = marked("150", opening_watermark(D("1000")), START.replace(hour=23))
    assert late.day_start_equity == D("1000")
    midnight = marked("120", watermark_of(late), START.replace(hour=0) + timedelta(days=1))
    assert midnight.day_start_equity == D("1020")
    noon = marked("130", watermark_of(midnight), START + timedelta(days=1))
    assert noon.day_start_equity == D("1020")


def test_a_day_without_a_midnight_candle_starts_with_the_last_mark_before_it():
    late = marked("150", opening_watermark(D("1000")), START)
    next_day = marked("90", watermark_of(late), START + timedelta(days=1))
    assert next_day.day_start_equity == D("1050")


def curve_of(*equity):
    seconds = int(START.timestamp()) + 86_400 * np.arange(len(equity))
    return EquityCurve(seconds=seconds, equity=np.array(equity, dtype=float))


def test_performance_of_a_known_curve():
    equity = curve_of(100, 110, 99, 108.9)
    trips = (
        RoundTrip(
            trip_id="a", symbol=BTC, opened_at=START, closed_at=START, cost=D(10), proceeds=D(13)
        ),
        RoundTrip(
            trip_id="b", symbol=BTC, opened_at=START, closed_at=START, cost=D(10), proceeds=D(9)
        ),
        RoundTrip(trip_id="c", symbol=BTC, opened_at=START, cost=D(10)),
    )
    activity = Activity(trips=trips, traded_notional=D("418"), fees=D("0.4"))
    figures = measure(equity, np.array([0.0, 0.1, 0.1, 0.2]), activity, 365.0)
    returns = np.array([0.1, -0.1, 0.1])
    assert figures.candles == 3
    assert figures.return_ratio == pytest.approx(0.089)
    assert figures.cagr == pytest.approx(1.089 ** (365 / 3) - 1)
    assert figures.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * 365**0.5)
    assert figures.sortino == pytest.approx(returns.mean() / np.sqrt(0.01 / 3) * 365**0.5)
    assert figures.max_drawdown_ratio == pytest.approx(0.1)
    assert (figures.trades, figures.win_rate, figures.profit_factor) == (2, 0.5, 3.0)
    assert (figures.expectancy, figures.average_win, figures.average_loss) == (1, 3, -1)
    assert figures.turnover == pytest.approx(4.0, rel=0.01)
    assert figures.exposure_ratio == pytest.approx(0.1)


def test_figures_that_do_not_exist_are_none_and_never_infinite():
    nothing = Activity(trips=(), traded_notional=D(0), fees=D(0))
    for equity in ((), (100,), (100, 100), (1, 1e6)):
        figures = measure(curve_of(*equity), np.zeros(len(equity)), nothing, 525_600.0)
        assert figures.expectancy is figures.average_win is figures.average_loss is None
        assert figures.win_rate is None
        assert figures.profit_factor is None
        assert np.isfinite(figures.sharpe)
        assert figures.cagr is None or np.isfinite(figures.cagr)


def test_an_account_that_began_with_nothing_has_no_return():
    nothing = Activity(trips=(), traded_notional=D(0), fees=D(0))
    figures = measure(curve_of(0, 0, 50, 25), np.zeros(3), nothing, 365.0)
    assert figures.return_ratio is None
    assert figures.cagr is None
    assert figures.max_drawdown_ratio == 0.5
    assert np.isfinite(figures.sharpe)
    assert np.isfinite(figures.sortino)
