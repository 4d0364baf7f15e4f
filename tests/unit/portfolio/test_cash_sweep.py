"""Idle cash goes into a dollar coin once a day, through risk like everything else; off by default."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portfolio.core.rebalance import plan
from portfolio.core.sweep import Sweep, is_new_day, sweep_targets
from portfolio.core.targets import Account, Price, Terms
from portfolio.settings import PortfolioSettings
from shared.db.audit import audit
from shared.domain.instrument import Instrument
from shared.runtime.settings import ConfigurationError, PlatformSettings
from tests.unit.portfolio.test_portfolio_service import Desk, candles, reconciled

D = Decimal
NOW = datetime(2024, 1, 2, tzinfo=UTC)
USDC = Instrument(
    symbol="USDC-USDT", venue="sim", base="USDC", quote="USDT", tick_size=D("0.0001"),
    lot_size=D("0.01"), min_notional=D(5),
)  # fmt: skip
SWEEP = Sweep(instrument=USDC, reserve_ratio=D("0.2"))
TERMS = Terms(
    instruments={USDC.symbol: USDC}, fee_ratio=D("0.001"), slippage_ratio=D("0.0005"),
    max_price_age=timedelta(hours=3),
)  # fmt: skip


def account(cash="1000", held="0", price="1"):
    worth = D(cash) + D(held) * D(price or 0)
    known = {} if price is None else {USDC.symbol: Price(price=D(price), at=NOW)}
    return Account(
        equity=worth, held={USDC.symbol: D(held)}, cash={"USDT": D(cash)}, prices=known,
        rates={"USDT": D(1)}, now=NOW,
    )  # fmt: skip


def test_what_is_above_the_reserve_is_swept():
    (step,) = plan(account(), sweep_targets(SWEEP, account()), TERMS).steps
    assert (step.side, step.quantity) == ("buy", D(800))
    some = account(cash="600", held="400")
    (step,) = plan(some, sweep_targets(SWEEP, some), TERMS).steps
    assert step.quantity == D(400)


def test_nothing_is_swept_below_the_reserve_or_without_a_price():
    assert sweep_targets(SWEEP, account(cash="200", held="800")) is None
    assert sweep_targets(SWEEP, account(price=None)) is None
    assert sweep_targets(SWEEP, replace(account(), rates={})) is None
    assert sweep_targets(SWEEP, account(cash="0")) is None


@given(
    cash=st.decimals("0", "100000", places=2),
    held=st.decimals("0", "100000", places=2),
    reserve=st.decimals("0", "1", places=2),
)
def test_a_sweep_never_takes_of_the_reserve(cash, held, reserve):
    owned = account(cash=str(cash), held=str(held))
    targets = sweep_targets(replace(SWEEP, reserve_ratio=reserve), owned)
    if targets is None:
        assert cash <= owned.equity * reserve
        return
    for step in plan(owned, targets, TERMS).steps:
        spent = step.quantity * step.price
        assert cash - spent >= owned.equity * reserve - D("0.01")
        assert spent * D("1.001") * D("1.0005") <= cash


def test_a_day_begins_with_its_first_mark():
    assert is_new_day(NOW - timedelta(hours=1), NOW)
    assert is_new_day(NOW - timedelta(hours=1), NOW + timedelta(hours=5))
    assert not is_new_day(NOW, NOW + timedelta(hours=23))
    assert not is_new_day(None, NOW)


@pytest.mark.parametrize("chosen", ["BTC-USDT", "USDC-USD", "usdc-usdt", "", "on", "\u202eoff"])
def test_only_a_dollar_coin_that_is_traded_can_be_chosen(chosen):
    platform = PlatformSettings(market={"instruments": ("BTC-USDT", "USDC-USDT")})
    with pytest.raises(ConfigurationError, match="PORTFOLIO__CASH_SWEEP"):
        PortfolioSettings(cash_sweep=chosen).sweep(platform)
    assert PortfolioSettings().sweep(platform) is None
    assert PortfolioSettings(cash_sweep="USDC-USDT").sweep(platform).symbol == "USDC-USDT"


def days_of(desk, hours):
    for hour in hours:
        desk.say(candles(hour, BTC="100", USDC="1"), reconciled(hour))


def test_it_is_wanted_at_the_first_mark_of_a_day_and_audited(engine):
    desk = Desk(engine, symbols=("BTC-USDT", "USDC-USDT"), cash_sweep="USDC-USDT")
    days_of(desk, (22, 23))
    assert desk.said("rebalance.wanted") == []
    days_of(desk, (24, 25))
    (fact,) = desk.said("rebalance.wanted")
    assert (fact.actor, [(one.symbol, one.quantity) for one in fact.steps]) == (
        "cash_sweep", [("USDC-USDT", D(8000))],
    )  # fmt: skip
    with desk.transactions.read() as connection:
        chosen = select(audit.c.actor).where(audit.c.action == "rebalance.wanted")
        assert connection.execute(chosen).scalars().all() == ["cash_sweep"]
    desk.restart()
    days_of(desk, (47, 48))
    assert len({one.rebalance_id for one in desk.said("rebalance.wanted")}) == 2


def test_it_is_off_by_default_and_waits_for_a_price_that_is_not_old(sqlite_engine):
    desk = Desk(sqlite_engine, symbols=("BTC-USDT", "USDC-USDT"))
    days_of(desk, (23, 24))
    assert desk.said("rebalance.wanted") == []
    desk = Desk(sqlite_engine, symbols=("BTC-USDT", "USDC-USDT"), cash_sweep="USDC-USDT")
    for hour in (25, 47, 48):
        desk.runtime.clock.observe(NOW + timedelta(hours=hour - 24))
        desk.say(candles(hour, BTC="100"), reconciled(hour))
    assert desk.said("rebalance.wanted") == []
