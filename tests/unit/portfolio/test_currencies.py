"""An account with cash of several quotes, reckoned in one currency."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.currencies import Currencies
from portfolio.core.equity import Holdings, mark, opening_watermark
from portfolio.core.position import Position
from portfolio.settings import PortfolioSettings
from shared.domain.ids import AccountId, Symbol
from shared.runtime.settings import ConfigurationError, MarketSettings, PlatformSettings, load
from tests.unit.portfolio.test_portfolio_service import Desk, candles, filled, reconciled

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
CURRENCIES = Currencies(reporting="USD", quotes=("USD", "USDT"))
PRICES = {Symbol("BTC-USD"): D(100), Symbol("ETH-USDT"): D(10)}


def position(symbol, quantity="1", cost="50"):
    return Position(
        symbol=Symbol(symbol), quantity=D(quantity), cost_basis=D(cost), realized_pnl=D(7),
        fees=D(3), opened_at=NOW,
    )  # fmt: skip


def holdings(*positions, usd="1000", usdt="500", **changes):
    known = Holdings(
        account=AccountId("mock-main"), cash=D(0), positions=positions, currencies=CURRENCIES,
        cash_by_asset={"USD": D(usd), "USDT": D(usdt)},
    )  # fmt: skip
    return replace(known, **changes)


def marked(known, **more):
    prices = PRICES | {Symbol(symbol.replace("_", "-")): D(one) for symbol, one in more.items()}
    return mark(known, prices, opening_watermark(D(1500)), NOW)


def test_cash_and_positions_count_at_what_their_quote_is_worth():
    found = marked(holdings(position("BTC-USD"), position("ETH-USDT", "20")), USDT_USD="0.5")
    assert found.cash == D(1250)
    assert [(one.price, one.notional) for one in found.positions] == [
        (D(100), D(100)), (D(10), D(100)),
    ]  # fmt: skip
    assert found.equity == D(1450)
    assert found.realized_pnl == D("10.5")
    assert found.fees == D("4.5")
    assert found.unrealized_pnl == D(200) - D(50) - D(25)
    assert [(one.asset, one.amount, one.rate) for one in found.cash_by_asset] == [
        ("USD", D(1000), D(1)), ("USDT", D(500), D("0.5")),
    ]  # fmt: skip


def test_a_dollar_coin_without_a_price_is_a_dollar_unless_that_is_off():
    known = holdings(position("ETH-USDT"))
    assert marked(known).equity == D(1510)
    off = replace(known, currencies=replace(CURRENCIES, has_parity=False))
    found = marked(off)
    assert (found.equity, found.positions[0].notional) == (D(1000), D(0))
    assert found.cash_by_asset[1].rate is None


def test_what_was_bought_of_a_currency_is_cash_and_counts_once():
    swapped = holdings(position("USDT-USD", "500", "500"))
    assert marked(swapped, USDT_USD="1").equity == D(1500)
    assert marked(swapped).positions == ()


def test_one_currency_needs_no_funds_at_all():
    alone = Currencies(reporting="USDT", quotes=("USDT",))
    known = holdings(position("ETH-USDT"), cash=D(5), cash_by_asset={}, currencies=alone)
    found = marked(known)
    assert (found.equity, found.cash_by_asset) == (D(15), ())
    assert found == marked(replace(known, currencies=None))


@given(
    usd=st.decimals("0", "1000000", places=2),
    usdt=st.decimals("0", "1000000", places=2),
    moved=st.decimals("0", "1", places=3),
)
def test_moving_money_between_quotes_at_parity_changes_no_equity(usd, usdt, moved):
    before = marked(holdings(usd=str(usd), usdt=str(usdt)))
    amount = (usdt * moved).quantize(D("0.01"))
    after = marked(holdings(usd=str(usd + amount), usdt=str(usdt - amount)))
    assert after.equity == before.equity == usd + usdt


def test_several_quotes_need_a_currency_to_reckon_in():
    with pytest.raises(ConfigurationError, match="MARKET__REPORTING_CURRENCY"):
        load(MarketSettings, instruments="BTC-USD,ETH-USDT")
    both = load(MarketSettings, instruments="BTC-USD,ETH-USDT", reporting_currency="USD")
    assert both.quote == "USD"
    assert load(MarketSettings, instruments="ETH-USDT").quote == "USDT"


@pytest.mark.parametrize("others", [{"EUR": 5}, {"USD": 5}, {"USDT": -5}, {"USDT": 10**40}])
def test_an_opening_balance_that_cannot_be_is_refused_by_name(others):
    market = load(MarketSettings, instruments="BTC-USD,ETH-USDT", reporting_currency="USD")
    with pytest.raises(ConfigurationError, match="PORTFOLIO__OPENING_BALANCES"):
        PortfolioSettings(opening_balances=others).policy(PlatformSettings(market=market))

    market = {"instruments": ("BTC-USDT", "ETH-USD"), "reporting_currency": "USD"}


def test_the_books_of_two_quotes_are_marked_in_one(engine, monkeypatch):
    monkeypatch.setenv("MARKET__REPORTING_CURRENCY", "USD")
    desk = Desk(
        engine, symbols=("BTC-USDT", "ETH-USD"), opening_balance=1000,
        opening_balances={"USDT": 500},
    )  # fmt: skip
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(filled("t1", "buy", "2", "100", 2), candles(2, BTC="110"), reconciled(2))
    first, second = desk.said("equity.marked")
    assert (first.equity, first.peak_equity, first.day_start_equity) == (D(1500),) * 3
    assert {one.asset: one.amount for one in second.cash_by_asset} == {
        "USD": D(1000), "USDT": D("299.9"),
    }  # fmt: skip
    assert second.equity == D("1519.9")
    assert desk.http.get("/status").json()["quote"] == "USD"
    desk.restart()
    assert desk.http.get("/status").json()["equity"] == "1519.9"
    assert not any(check.problem() for check in desk.service.api.state.checks)


def test_books_opened_in_one_currency_do_not_go_on_in_another(sqlite_engine, monkeypatch):
    desk = Desk(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    monkeypatch.setenv("MARKET__REPORTING_CURRENCY", "USD")
    other = Desk(sqlite_engine, symbols=("BTC-USD",))
    problems = [check.problem() for check in other.service.api.state.checks]
    assert any("opened in USDT" in one for one in problems if one)


def test_time_does_not_move_what_parity_says():
    later = mark(holdings(), {}, opening_watermark(D(0)), NOW + timedelta(days=999))
    assert later.equity == D(1500)
