"""A trade is traced by any name of it: ours, the venue's own number, and that of the ledger."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from executor.tables import fills, orders
from launcher.threads import find_thread
from shared.db.statements import as_row
from shared.domain.ids import AccountId, Symbol, TradeId
from tests.builders import ACCOUNT, BTC, CLOSED_AT, FILL, ORDER

ETH = Symbol("ETH-USDT")
SYMBOLS = (ETH, BTC)
TOLD = replace(
    FILL,
    venue="binance_us",
    trade_id=TradeId("BTC-USDT:buy:123456789"),
    filled_at=CLOSED_AT,
)


@pytest.fixture
def connection(engine):
    """The books of an executor at a venue that has filled one order."""
    order = replace(ORDER, venue="binance_us")
    row = {name: value for name, value in as_row(order).items() if name in orders.c} | {
        "venue_order_id": "987654321",
        "is_post_only": False, "open_quantity": FILL.quantity, "is_working": False,
        "is_held": True, "is_cancel_wanted": False, "expires_at": CLOSED_AT, "misses": 0,
    }  # fmt: skip
    with engine.begin() as writing:
        writing.execute(insert(orders), [row])
        fill = {name: value for name, value in as_row(TOLD).items() if name in fills.c}
        writing.execute(insert(fills), [{**fill, "recorded_at": CLOSED_AT}])
    with engine.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    "name",
    [
        "123456789",
        "BTC-USDT:buy:123456789",
        f"binance_us:{ACCOUNT}:BTC-USDT:buy:123456789",
        "987654321",
        ORDER.client_order_id,
    ],
)
def test_every_name_of_a_trade_leads_to_its_order(connection, name):
    thread = find_thread(connection, ACCOUNT, SYMBOLS, name)
    assert list(thread.orders) == [ORDER.client_order_id]
    assert [row.trade_id for row in thread.fills] == [TOLD.trade_id]
    assert thread.symbol == BTC


@pytest.mark.parametrize("name", ["12345678", "ETH-USDT:buy:123456789", "BTC-USDT:sell:123456789"])
def test_what_no_trade_is_called_leads_nowhere(connection, name):
    assert not find_thread(connection, ACCOUNT, SYMBOLS, name).orders


def test_a_trade_of_another_account_is_not_told(connection):
    assert not find_thread(connection, AccountId("live-other"), SYMBOLS, "123456789").fills
