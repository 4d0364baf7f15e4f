"""Money is exact or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.enums import Side
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, DecisionId, Symbol, client_order_id, derive
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.values import exact, plain, to_decimal, to_text

BTC = Instrument(
    symbol=Symbol("BTC-USDT"), venue="synthetic", base="BTC", quote="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"), min_notional=Decimal(5),
)  # fmt: skip
amounts = st.decimals(min_value="-1e19", max_value="1e19", places=18, allow_nan=False)
positive = st.decimals(min_value="0.000001", max_value="1e12", places=8)


@given(amounts)
def test_text_brings_back_the_same_amount(amount):
    kept = exact(amount)
    assert kept == amount
    assert Decimal(to_text(kept)) == amount
    assert kept.as_tuple().exponent <= 0


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1e20", "-1e25"])
def test_what_a_table_could_not_hold_is_refused(bad):
    with pytest.raises(BadInput):
        exact(Decimal(bad))


def test_a_float_is_read_as_a_person_would():
    assert to_decimal(0.1) == Decimal("0.1")
    assert plain(Decimal("1E+2")).as_tuple().exponent == 0


@given(positive)
def test_rounding_to_lots_and_ticks_never_favours_us(raw):
    assert BTC.quantity(raw) <= raw
    assert BTC.fill_price(raw, Side.BUY) >= raw
    assert BTC.fill_price(raw, Side.SELL) <= max(raw, BTC.tick_size)
    assert BTC.limit_price(raw, Side.BUY) <= max(raw, BTC.tick_size)
    assert BTC.limit_price(raw, Side.SELL) >= raw


@pytest.mark.parametrize("bad", ["BTCUSDT", "btc-usdt", "-USDT", "BTC-", "BTC/USDT", "A-B-C"])
def test_a_symbol_that_is_not_base_and_quote_is_refused_with_the_remedy(bad):
    with pytest.raises(BadInput, match="BASE-QUOTE"):
        split_symbol(bad)


def test_ids_are_derived_and_orders_carry_the_environment():
    assert derive("a", "b") == derive("a", "b") != derive("ab", "")
    account, decision = AccountId("mock-main"), DecisionId("d")
    mock, live = (client_order_id(mode, account, decision) for mode in ("mock", "live"))
    assert len(mock) == 36
    assert mock[:4] == "f103"
    assert live[:4] == "f101"
