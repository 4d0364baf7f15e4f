"""A plan towards target weights: right sides, whole lots, never more than is held or there is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.currencies import Currencies, rates
from portfolio.core.rebalance import plan
from portfolio.core.targets import Account, Price, Targets, Terms
from shared.domain.enums import Side
from shared.domain.errors import BadInput, Refused
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument, split_symbol

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEE, SLIP = D("0.001"), D("0.0005")


def instrument(symbol, lot="0.001"):
    base, quote = split_symbol(symbol)
    return Instrument(
        symbol=Symbol(symbol), venue="sim", base=base, quote=quote, tick_size=D("0.01"),
        lot_size=D(lot), min_notional=D(5),
    )  # fmt: skip


NAMES = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "BTC-USD")
TERMS = Terms(
    instruments={Symbol(name): instrument(name) for name in NAMES}, fee_ratio=FEE,
    slippage_ratio=SLIP, max_price_age=3 * HOUR, warn_ratio=D("0.8"),
)  # fmt: skip
PRICES = {"BTC-USDT": D(100), "ETH-USDT": D(10), "SOL-USDT": D(1), "BTC-USD": D(50)}


def account(cash=None, now=NOW, known=PRICES, **held):
    held = {f"{base}-USDT": D(quantity) for base, quantity in held.items()}
    cash = {"USDT": D(900)} if cash is None else cash
    worth = sum(quantity * PRICES[symbol] for symbol, quantity in held.items())
    return Account(
        equity=sum(cash.values(), D(0)) + worth, held=held, cash=cash,
        prices={symbol: Price(price=price, at=NOW) for symbol, price in known.items()},
        rates=dict.fromkeys(cash, D(1)), now=now,
    )  # fmt: skip


def targets(tolerance="0", to_edge=False, **ratios):
    named = {f"{base}-USDT": D(ratio) for base, ratio in ratios.items()}
    return Targets(ratios=named, tolerance_ratio=D(tolerance), to_edge=to_edge)


def steps(made):
    return [(one.side, one.symbol, one.quantity) for one in made.trades]


def test_a_plan_sells_before_it_buys():
    made = plan(account(BTC=1), targets(SOL="0.05", BTC="0.02", ETH="0.03"), TERMS)
    assert steps(made) == [
        (Side.SELL, "BTC-USDT", D("0.8")),
        (Side.BUY, "ETH-USDT", D(3)),
        (Side.BUY, "SOL-USDT", D(50)),
    ]
    assert made.traded_notional == D(160)
    assert (made.fees, made.slippage) == (D("0.16"), D("0.08"))
    assert [one.planned_ratio for one in made.trades] == [D("0.02"), D("0.03"), D("0.05")]
    assert made.warnings == ()


def test_what_is_within_the_band_is_left_alone_and_what_is_not_goes_to_the_target_or_the_edge():
    held = account(BTC=1)  # a tenth of it
    assert plan(held, targets("0.02", BTC="0.08"), TERMS).trades == ()
    (whole,) = plan(held, targets("0.01", BTC="0.05"), TERMS).trades
    (edge,) = plan(held, targets("0.01", to_edge=True, BTC="0.05"), TERMS).trades
    assert (whole.quantity, whole.planned_ratio) == (D("0.5"), D("0.05"))
    assert (edge.quantity, edge.planned_ratio) == (D("0.4"), D("0.06"))
    (bought,) = plan(held, targets("0.01", to_edge=True, BTC="0.15"), TERMS).trades
    assert bought.planned_ratio == D("0.14")


def test_instruments_not_named_keep_what_they_have():
    made = plan(account(BTC=1, SOL=20), targets(ETH="0.1"), TERMS)
    assert {one.symbol for one in made.trades} == {"ETH-USDT"}


@pytest.mark.parametrize(
    ("held", "wanted", "why"),
    [
        ({}, {"SOL": "0.004"}, "venue's minimum of 5"),
        ({"BTC": "0.0005"}, {"BTC": "0"}, "less than one lot of 0.001"),
        ({"BTC": "0.02"}, {"BTC": "0"}, "venue's minimum"),
        ({"BTC": "1"}, {"BTC": "0.1000001"}, "less than one lot"),
    ],
)
def test_dust_and_what_no_venue_would_take_are_named_and_not_sent(held, wanted, why):
    made = plan(account(**held), targets(**wanted), TERMS)
    assert why in made.trades[0].skipped
    assert made.steps == ()
    assert made.traded_notional == made.fees == 0


def test_everything_is_sold_in_whole_lots():
    (sale,) = plan(account(BTC="1.0004"), targets(BTC="0"), TERMS).trades
    assert sale.quantity == D(1)


def test_purchases_that_the_quote_cannot_pay_for_are_cut_alike():
    short = account(cash={"USDT": D(100)}, BTC=9)  # 1000 in all
    made = plan(short, targets(ETH="0.1", SOL="0.1"), TERMS)
    spent = sum(one.notional for one in made.trades) * (1 + FEE) * (1 + SLIP)
    assert D(99) < spent <= D(100)
    assert {one.cut for one in made.trades} == {"200.3001 USDT would be needed, there is 100"}
    assert made.trades[0].notional == pytest.approx(made.trades[1].notional, abs=D("0.02"))


def test_a_sale_pays_for_a_purchase_less_its_costs():
    full = account(cash={"USDT": D(0)}, BTC=10)
    made = plan(full, targets(BTC="0.5", ETH="0.5"), TERMS)
    sale, buy = made.trades
    assert sale.notional == D(500)
    assert buy.notional < D(499)
    assert "would be needed" in buy.cut


def test_a_purchase_is_paid_for_in_its_own_quote():
    both = account(cash={"USDT": D(1000), "USD": D(10)})
    both = replace(both, rates={"USDT": D(1), "USD": D(1)})
    made = plan(both, Targets(ratios={"BTC-USD": D("0.1"), "BTC-USDT": D("0.1")}), TERMS)
    by_symbol = {one.symbol: one for one in made.trades}
    assert by_symbol["BTC-USDT"].quantity == D("1.01")
    assert by_symbol["BTC-USD"].notional <= D(10)
    assert "USD would be needed, there is 10" in by_symbol["BTC-USD"].cut


def test_another_quote_counts_at_what_it_is_worth():
    mixed = account(cash={"USDT": D(1000), "USD": D(1000)})
    mixed = replace(mixed, equity=D(3000), rates={"USDT": D(2), "USD": D(1)})
    made = plan(mixed, Targets(ratios={"BTC-USDT": D("0.1")}), TERMS)
    (buy,) = made.trades
    assert buy.quantity == D("1.5")  # 300 of the account, 150 of USDT
    assert (buy.notional, buy.quote, made.traded_notional) == (D(150), "USDT", D(300))


def test_more_than_may_be_invested_is_said_beforehand():
    (warning,) = plan(account(BTC=1), targets(ETH="0.75"), TERMS).warnings
    assert "0.85 of the equity" in warning
    assert plan(account(BTC=1), targets(ETH="0.7"), TERMS).warnings == ()


def test_an_old_price_is_refused_by_name_and_one_of_what_is_not_named_is_told():
    later = account(now=NOW + 4 * HOUR, BTC=1)
    with pytest.raises(Refused, match=r"BTC-USDT: its last price is of 2024-01-01T12:00"):
        plan(later, targets(BTC="0.05"), TERMS)
    fresh = later.prices | {"ETH-USDT": Price(price=D(10), at=later.now)}
    made = plan(replace(later, prices=fresh), targets(ETH="0.05"), TERMS)
    assert "BTC-USDT is held" in made.warnings[0]


@pytest.mark.parametrize(
    ("ratios", "kind", "problem"),
    [
        ({"DOGE": "0.1"}, BadInput, "not traded"),
        ({"BTC": "1.1"}, BadInput, "no share"),
        ({"BTC": "-0.1"}, BadInput, "no share"),
        ({"BTC": "0.6", "ETH": "0.6"}, BadInput, "more than 1"),
    ],
)
def test_impossible_targets_are_refused_with_the_reason(ratios, kind, problem):
    with pytest.raises(kind, match=problem):
        plan(account(), targets(**ratios), TERMS)


def test_no_price_no_value_and_no_money_are_refused_with_the_reason():
    with pytest.raises(Refused, match="ETH-USDT has no price yet"):
        plan(account(known={"BTC-USDT": D(100)}), targets(ETH="0.1"), TERMS)
    with pytest.raises(Refused, match="worth nothing"):
        plan(account(cash={"USDT": D(0)}), targets(ETH="0.1"), TERMS)
    with pytest.raises(Refused, match="nobody knows what USD is worth"):
        plan(account(), Targets(ratios={"BTC-USD": D("0.1")}), TERMS)


amounts = st.decimals("0", "100", places=4)
shares = st.decimals("0", "1", places=4)


@given(
    held=st.tuples(amounts, amounts, amounts),
    wanted=st.tuples(shares, shares, shares),
    cash=st.decimals("0", "10000", places=2),
    band=st.decimals("0", "0.2", places=3),
    to_edge=st.booleans(),
)
def test_any_plan_keeps_within_what_there_is_and_ends_within_the_band(
    held, wanted, cash, band, to_edge
):
    wanted = wanted if sum(wanted) <= 1 else tuple(one / 3 for one in wanted)
    quantities = dict(zip(("BTC", "ETH", "SOL"), held, strict=True))
    owned = account(cash={"USDT": cash}, **quantities)
    if owned.equity <= 0:
        return
    named = {f"{base}-USDT": ratio for base, ratio in zip(quantities, wanted, strict=True)}
    asked = Targets(ratios=named, tolerance_ratio=band, to_edge=to_edge)
    made = plan(owned, asked, TERMS)
    sent = [one for one in made.trades if not one.skipped]
    assert [one.side for one in made.trades] == sorted(
        (one.side for one in made.trades), key=lambda side: side is Side.BUY
    )
    for one in sent:
        assert one.quantity % D("0.001") == 0
        assert one.side is Side.BUY or one.quantity <= owned.held[one.symbol]
    kept = (1 - FEE) * (1 - SLIP)
    got = sum(one.notional for one in sent if one.side is Side.SELL) * kept
    spent = sum(one.notional for one in sent if one.side is Side.BUY) * (1 + FEE) * (1 + SLIP)
    assert spent <= cash + got
    lot = D("0.1") / owned.equity  # the worth of one lot of the dearest
    changed = {one.symbol: one for one in made.trades}
    for symbol, ratio in named.items():
        trade = changed.get(symbol)
        if trade is None:
            current = owned.held[symbol] * PRICES[symbol] / owned.equity
            assert abs(current - ratio) <= band + D("1e-15")
        elif not trade.skipped and not trade.cut:
            allowed = band if to_edge else D(0)
            assert abs(trade.planned_ratio - ratio) <= allowed + lot + D("1e-15")


@given(wanted=st.tuples(shares, shares), cash=st.decimals("100", "10000", places=2))
def test_a_plan_made_again_after_it_was_traded_asks_for_no_more_than_a_lot(wanted, cash):
    wanted = tuple(one / 2 for one in wanted)
    named = {f"{base}-USDT": ratio for base, ratio in zip(("BTC", "ETH"), wanted, strict=True)}
    free = replace(TERMS, fee_ratio=D(0), slippage_ratio=D(0))
    before = account(cash={"USDT": cash}, BTC=1)
    made = plan(before, Targets(ratios=named), free)
    held, left = dict(before.held), cash
    for one in made.trades:
        if not one.skipped:
            held[one.symbol] = held.get(one.symbol, D(0)) + one.side.sign * one.quantity
            left -= one.side.sign * one.notional
    after = replace(before, held=held, cash={"USDT": left})
    worth = left + sum(quantity * PRICES[symbol] for symbol, quantity in held.items())
    assert worth == before.equity  # money is conserved
    again = plan(after, Targets(ratios=named), free)
    assert all(one.skipped or one.notional <= PRICES[one.symbol] / 1000 for one in again.trades)


USD = Currencies(reporting="USD", quotes=("USD", "USDC", "USDT"))


@pytest.mark.parametrize(
    ("has_parity", "prices", "expected"),
    [
        (True, {}, {"USD": 1, "USDC": 1, "USDT": 1}),
        (False, {}, {"USD": 1}),
        (False, {"USDT-USD": "0.99"}, {"USD": 1, "USDT": "0.99"}),
        (True, {"USD-USDT": "1.25"}, {"USD": 1, "USDC": 1, "USDT": "0.8"}),
    ],
)
def test_a_traded_price_comes_before_parity(has_parity, prices, expected):
    known = {Symbol(symbol): D(price) for symbol, price in prices.items()}
    found = rates(replace(USD, has_parity=has_parity), known)
    assert found == {asset: D(rate) for asset, rate in expected.items()}


def test_what_is_no_dollar_has_no_parity():
    assert rates(Currencies(reporting="EUR", quotes=("USDT",)), {}) == {"EUR": D(1)}
    assert rates(Currencies(reporting="USD", quotes=("BTC",)), {}) == {"USD": D(1)}
