"""Brackets ask only for what the venue takes, and not again and again for what it refuses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from executor.core.claiming import Ceilings, Ready, fit
from executor.core.protecting import EXITS_PER_MINUTE, protect
from executor.tasks.protecting import _Turn
from shared.domain.enums import OrderType
from tests.unit.executor.test_claiming import RULES
from tests.unit.executor.test_protecting import ENTRY, GUARD, HOLDING, D, held, tick

CEILINGS = Ceilings(
    max_order_notional=None,
    max_orders_per_minute=9,
    max_quote_age=timedelta(seconds=5),
    collar_ratio=GUARD.collar_ratio,
)


def listed(min_notional):
    return replace(RULES, instrument=replace(RULES.instrument, min_notional=D(min_notional)))


def small(quantity="0.1"):
    return held(holding=replace(HOLDING, quantity=D(quantity)))


@pytest.mark.parametrize("min_notional", ["9.75", "9.90", "0", "5"])
def test_no_stop_is_asked_for_that_would_lapse_at_its_own_limit(min_notional):
    now = tick(100, rules=listed(min_notional))
    stops = protect(small(), now, GUARD).orders
    assert all(isinstance(fit(one, now.rules, now.quote, CEILINGS), Ready) for one in stops)
    assert bool(stops) == (D(min_notional) <= D("9.702"))  # 0.1 at a limit of 97.02


@pytest.mark.parametrize("min_notional", ["9.71", "9.75", "9.8", "0"])
def test_what_is_barely_large_enough_leaves_at_the_lowest_price_that_makes_it_so(min_notional):
    now = tick(98, rules=listed(min_notional))
    (leaving,) = protect(small(), now, GUARD).orders
    assert leaving.limit_price <= now.quote.bid
    assert isinstance(fit(leaving, now.rules, now.quote, CEILINGS), Ready)


def test_a_stop_the_venue_keeps_refusing_is_not_asked_for_every_second():
    often = {ENTRY.client_order_id: EXITS_PER_MINUTE}
    assert protect(held(), replace(tick(100), stops_lately=often), GUARD).orders == ()
    (leaving,) = protect(held(), replace(tick(97), stops_lately=often), GUARD).orders
    assert leaving.order_type is OrderType.LIMIT  # ticks go on protecting


def test_a_round_that_the_venues_limit_stops_goes_on_where_it_was():
    turn = _Turn()
    assert turn.rotated(["A", "B", "C"]) == ["A", "B", "C"]
    turn.at = "B"
    assert turn.rotated(["A", "B", "C"]) == ["B", "C", "A"]
    assert turn.rotated(["A", "C"]) == ["A", "C"]
