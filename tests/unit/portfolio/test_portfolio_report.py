"""The performance report: whatever the account, one page that loads nothing."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import numpy as np
import pytest
from sqlalchemy import insert

from portfolio.core.attribution import BESIDE, best, by_source, by_symbol, together, worst
from portfolio.core.trades import RoundTrip
from portfolio.repository import reports
from portfolio.repository.report import account_report
from portfolio.repository.reports import Period
from portfolio.routes.report_page import report_page
from portfolio.tables import equity_points
from shared.domain.enums import ExitReason, Side
from shared.domain.ids import DecisionId, Symbol
from tests.unit.portfolio.test_portfolio_service import (
    ACCOUNT,
    START,
    Desk,
    candles,
    filled,
    reconciled,
)

D = Decimal


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.words, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words).replace("\N{NO-BREAK SPACE}", " "))


def policy_of(desk):
    return desk.settings.policy(desk.runtime.settings)


def page_of(desk, query=""):
    answer = desk.http.get(f"/report{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = Page(answer.text)
    assert not {"script", "link", "img", "iframe"} & set(page.names)
    assert not [name for name, value in page.attributes if name in ("src", "onclick")]
    assert not re.search(r"https?://", answer.text)
    return page


def believed(fact, source, decision, market):
    order = replace(
        fact.order, source=source, decision_id=DecisionId(decision), exit_reason=ExitReason.TARGET
    )
    return replace(fact, order=order, fill=replace(fact.fill, reference_price=D(market)))


def two_trips(desk):
    """Win with BTC that a model believed in, lose with ETH that a rule believed in."""
    ml, rule = "11111111-0000-8000-8000-000000000001", "11111111-0000-8000-8000-000000000002"
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(
        believed(filled("b1", Side.BUY, "1", "101", 2), "ml", ml, "100"),
        believed(filled("e1", Side.BUY, "10", "10", 2, base="ETH"), "ema_rsi", rule, "10"),
    )
    desk.say(candles(2, BTC="110", ETH="10"), reconciled(2))
    desk.say(
        believed(filled("b2", Side.SELL, "1", "119", 3), "ml", ml, "120"),
        believed(filled("e2", Side.SELL, "10", "9", 3, base="ETH"), "ema_rsi", rule, "9"),
    )
    desk.say(candles(3, BTC="120", ETH="9"), reconciled(3))


def test_an_account_that_never_traded_has_a_report(sqlite_engine):
    desk = Desk(sqlite_engine)
    page = page_of(desk)
    assert "Nothing has been marked yet" in page.text
    assert "worth 10,000.00 USDT" in page.text
    assert "No round trip has closed" in page.text
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    assert "2024-01-01 01:00" in page_of(desk).text


def test_the_report_tells_who_earned_what_and_what_it_cost(engine):
    desk = Desk(engine)
    two_trips(desk)
    with desk.transactions.read() as connection:
        found = account_report(connection, policy_of(desk), Period())
    trades = found.trades
    assert [(one.name, one.pnl) for one in trades.by_symbol] == [
        ("BTC-USDT", D("17.8")), ("ETH-USDT", D("-10.2")),
    ]  # fmt: skip
    assert [(one.name, one.pnl) for one in trades.by_source] == [
        ("ml", D("17.8")), ("ema_rsi", D("-10.2")),
    ]  # fmt: skip
    assert (trades.total.fees, trades.total.slippage) == (D("0.4"), D("2"))
    assert found.gain == trades.total.pnl == D("7.6")
    assert [one.gain for one in found.months] == [D("7.6")]
    assert [one.trip_id for one in trades.best] == ["simulated:mock-main:b1"]
    assert [one.trip_id for one in trades.worst] == ["simulated:mock-main:e1"]
    page = page_of(desk)
    for said in ("+7.60 USDT", "ml", "ema_rsi", "+17.80", "-10.20", "target"):
        assert said in page.text, said
    assert "trading trace 11111111-0000-8000-8000-000000000001" in page.text
    assert page.names.count("polyline") == len(("equity", "drawdown"))


def test_what_is_open_is_in_the_report(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(filled("b1", Side.BUY, "2", "100", 2), candles(2, BTC="90", ETH="10"), reconciled(2))
    page = page_of(desk)
    assert "180.00 USDT" in page.text
    assert "-20.10" in page.text
    assert "No round trip has closed" in page.text


def in_dollar_coins(fact):
    symbol = Symbol("BTC-USDC")
    fill = replace(fact.fill, symbol=symbol, fee_asset="USDC")
    return replace(fact, order=replace(fact.order, symbol=symbol), fill=fill)


def test_what_was_earned_in_another_currency_counts_at_its_worth(sqlite_engine, monkeypatch):
    monkeypatch.setenv("MARKET__REPORTING_CURRENCY", "USDT")
    desk = Desk(sqlite_engine, ("BTC-USDC", "USDC-USDT", "BTC-USDT"))
    desk.say(candles(1, BTC="200", USDC="2"), reconciled(1))
    desk.say(
        in_dollar_coins(filled("b1", Side.BUY, "1", "100", 2)),
        filled("b2", Side.BUY, "1", "200", 2),
        in_dollar_coins(filled("s1", Side.SELL, "1", "110", 3)),
        filled("s2", Side.SELL, "1", "201", 3),
    )
    desk.say(candles(3, BTC="200", USDC="2"), reconciled(3))
    with desk.transactions.read() as connection:
        found = account_report(connection, policy_of(desk), Period())
    assert {one.name: one.pnl for one in found.trades.by_symbol} == {
        "BTC-USDC": D("19.6"), "BTC-USDT": D("0.8"),
    }  # fmt: skip
    assert found.gain == D("20.4")
    figures = desk.http.get("/performance").json()
    assert figures["expectancy"] == "10.2"
    assert figures["turnover"] == pytest.approx((2 * 210 + 401) / 10_000, rel=0.01)


def test_a_time_can_be_asked_for(sqlite_engine):
    desk = Desk(sqlite_engine)
    two_trips(desk)
    assert "No round trip has closed" in page_of(desk, "?to=2024-01-01T02:00:00Z").text
    assert "No round trip has closed" in page_of(desk, "?from=2024-01-01T04:00:00Z").text
    assert (
        desk.http.get("/report?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z").status_code
        == 422
    )


def marks(count, start=START, step=timedelta(minutes=1)):
    equity = 10_000 + np.cumsum(np.random.default_rng(3).standard_normal(count))
    equity[count // 2] = 20_000  # a spike of one minute
    for at, value in enumerate(equity):
        amount = D(f"{value:.2f}")
        yield {
            "account": ACCOUNT, "as_of": start + at * step, "equity": amount, "cash": amount,
            "invested": D(0), "peak_equity": amount, "day_start_equity": amount,
            "drawdown_ratio": D(0), "realized_pnl": amount - 10_000, "unrealized_pnl": D(0),
            "fees": D(0), "contributed": D(10_000),
        }  # fmt: skip


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_many_marks_are_drawn_small_and_no_spike_is_lost(sqlite_engine, monkeypatch, count):
    monkeypatch.setattr(reports, "LONGEST_CURVE", count)
    desk = Desk(sqlite_engine)
    with desk.transactions.begin() as uow:
        uow.connection.execute(insert(equity_points), list(marks(count + 1)))
    answer = desk.http.get("/report")
    assert len(answer.content) < 150_000
    page = Page(answer.text)
    assert "its last part" in page.text
    deepest = re.search(r"deepest fall from a peak was ([\d.]+) %", page.text)
    assert float(deepest[1]) > 45
    chart = desk.http.get("/equity/chart?points=500").json()
    assert len(chart["as_of"]) == len(chart["equity"]) == len(chart["drawdown_ratio"]) <= 502
    assert max(chart["equity"]) == 20_000.0
    assert desk.http.get("/equity/chart?points=1").status_code == 422


def test_the_chart_of_an_account_without_marks_is_empty(sqlite_engine):
    empty = {"as_of": [], "equity": [], "contributed": [], "drawdown_ratio": []}
    assert Desk(sqlite_engine).http.get("/equity/chart").json() == empty


def test_a_mark_has_what_a_chart_needs(sqlite_engine):
    desk = Desk(sqlite_engine)
    two_trips(desk)
    last = desk.http.get("/equity").json()["items"][-1]
    assert (last["equity"], last["contributed"]) == ("10007.6", "10000")
    assert {"as_of", "drawdown_ratio", "peak_equity", "cash", "invested"} <= set(last)


def test_no_name_can_break_the_page(sqlite_engine):
    desk = Desk(sqlite_engine)
    two_trips(desk)
    with desk.transactions.read() as connection:
        found = account_report(connection, policy_of(desk), Period())
    evil = "</style><script>alert(1)</script>&\"'\x00"
    trip = replace(found.trades.best[0], origin=evil, trip_id=evil, decision_id=DecisionId(evil))
    odd = replace(
        found,
        account=evil,
        trades=replace(found.trades, best=(trip,), by_source=by_source([trip])),
    )
    page = Page(report_page(odd, {evil: [evil]}))
    assert "script" not in page.names
    assert page.text.count("alert(1)") >= 4


def trip(number, pnl, origin="ml", symbol="BTC-USDT"):
    return RoundTrip(
        trip_id=f"t{number}", symbol=Symbol(symbol), opened_at=START, closed_at=START,
        cost=D(100), proceeds=D(100) + D(pnl), fees=D("0.2"), slippage=D("0.1"), origin=origin,
    )  # fmt: skip


def test_every_trip_counts_for_one_instrument_and_one_source():
    trips = [trip(1, 5), trip(2, -3, "ema_rsi"), trip(3, 0, "", "ETH-USDT"), trip(4, 1)]
    for shares in (by_symbol(trips), by_source(trips)):
        whole = together(trips)
        for name in ("trades", "pnl", "fees", "slippage", "traded"):
            assert sum(getattr(one, name) for one in shares) == getattr(whole, name)
    assert {one.name for one in by_source(trips)} == {"ml", "ema_rsi", BESIDE}
    assert [one.trip_id for one in best(trips, 5)] == ["t1", "t4"]
    assert [one.trip_id for one in worst(trips, 5)] == ["t2"]
