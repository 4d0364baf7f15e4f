"""More at once than the venue's rate limits let through."""

from collections import Counter
from decimal import Decimal

import pytest

from tests.venue_world import Trading, exchange

D = Decimal
MANY = 40  # more than Coinbase lets one ask in a second, and each order is asked about too


@pytest.mark.long
def test_orders_wait_for_room_in_the_rate_limit_and_are_not_given_up(sqlite_engine):
    with (
        exchange("coinbase") as sim,
        Trading(sqlite_engine, sim, max_orders_per_minute=1000) as trading,
    ):
        trading.ready()
        sim.exchange.set_price(trading.symbol, D(100), D(1000))
        for _ in range(MANY):
            trading.approve(quantity=D("0.1"), bracket=None)

        def counted():
            return Counter(row["status"] for row in trading.rows())

        trading.wait(lambda: counted()["filled"] + counted()["not_sent"] == MANY, 50)
        # another thread may take the last of the room between the look and the request
        assert counted()["filled"] >= MANY - 3, counted()
