"""Under REDUCE only what makes a position smaller passes, whatever the limits say."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.enums import Purpose, Side
from shared.domain.recommendation import recommendation_id

D = Decimal
WHY = {"reason": "drill"}
# nothing could be entered under these
TIGHTEST = {
    "max_position_ratio": 0.0001, "max_symbol_ratio": 0.0001, "max_exposure_ratio": 0.0001,
    "max_source_ratio": 0.0001, "max_cluster_ratio": 0.0001, "max_venue_ratio": 0.0001,
    "max_trades_per_day": 0, "max_orders_per_minute": 0, "max_drawdown_ratio": 0.001,
    "max_day_loss_ratio": 0.001, "max_price_age_candles": 0, "max_book_age_candles": 0,
    "price_collar_bps": 1, "max_losses_in_row": 1, "max_volatility_ratio": 1.0,
}  # fmt: skip


@pytest.fixture
def holding(sqlite_engine, facts):
    """Five BTC are held at a loss, under the tightest limits there are; the account is reduced."""
    risk = facts.Risk(sqlite_engine, **TIGHTEST)
    risk.say(facts.marked(1, equity="5000", cash="4500", peak="10000", BTC="5"), now=1)
    assert risk.states() == ["reduce"]
    return risk


def verdict(risk, facts, recommendation):
    risk.say(facts.issued(1, recommendation, origin=f"test:{recommendation.recommendation_id}"))
    denied = [
        one for one in risk.denied() if one.recommendation_id == recommendation.recommendation_id
    ]
    return [breach.check for breach in denied[0].breaches] if denied else "approved"


def test_an_exit_passes_whatever_the_limits_say(holding, facts):
    holding.ask("POST", "/locks", body={"symbol": "BTC-USDT", "reason": "fork"})
    assert verdict(holding, facts, facts.leaving(1, quantity="5")) == "approved"
    (approved,) = holding.approved()
    assert (approved.side, approved.quantity) == (Side.SELL, D(5))


def test_an_exit_never_sells_more_than_is_held(holding, facts):
    assert verdict(holding, facts, facts.leaving(1, quantity="50")) == "approved"
    assert holding.approved()[0].quantity == 5


def test_a_second_exit_of_the_same_position_is_denied(holding, facts):
    verdict(holding, facts, facts.leaving(1, quantity="5"))
    holding.say(facts.marked(2, equity="5000", cash="4500", peak="10000", BTC="5"), now=2)
    again = replace(
        facts.leaving(1, quantity="5"),
        recommendation_id=recommendation_id("mock-main", "BTC-USDT", facts.at(1), Side.SELL, "two"),
    )
    assert "working_order" in verdict(holding, facts, again)


LOOKALIKES = {
    "it buys": ({"side": Side.BUY}, "direction"),
    "it is of something that is not held": ({"symbol": "ETH-USDT"}, "nothing_to_leave"),
    "it is of something that is not traded": ({"symbol": "DOGE-USDT"}, "instrument"),
    "it enters": ({"purpose": Purpose.ENTRY}, "trading_state"),
    "its price is none": ({"price": D(0)}, "price"),
    "it sells less than can be sold": ({"quantity": D("0.0000001")}, "whole_lots"),
}


@pytest.mark.parametrize("how", LOOKALIKES)
def test_what_only_looks_like_an_exit_is_denied(holding, facts, how):
    changes, check = LOOKALIKES[how]
    assert check in verdict(holding, facts, replace(facts.leaving(1), **changes))
    assert holding.approved() == []


def test_what_expired_is_denied(holding, facts):
    holding.clock.observe(facts.at(3))
    assert "expired" in verdict(holding, facts, facts.leaving(1))


def test_under_halt_not_even_an_exit_passes(holding, facts):
    holding.ask("POST", "/halt", body=WHY)
    assert verdict(holding, facts, facts.leaving(1)) == ["trading_state"]


def test_no_candles_mean_no_entries_even_before_a_brake_is_pulled(embedded, facts):
    embedded.say(facts.marked(1), now=1)
    embedded.clock.observe(facts.at(9))
    breaches = verdict(embedded, facts, replace(facts.entry(1), expires_at=facts.at(20)))
    assert "price_age" in breaches
    aged = replace(facts.entry(9), decided_at=facts.at(9))
    assert "book_age" in verdict(embedded, facts, aged)
