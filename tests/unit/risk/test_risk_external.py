"""Orders on the account that are not ours count, and what a venue surprises with stops entries."""

from datetime import timedelta
from decimal import Decimal

import pytest

from risk.core.external import value_external
from risk.handlers.state import plain
from risk.handlers.venue import reason_of
from risk.tables import exposure_counters, external_exposure, reservations
from shared.db.control import control
from shared.domain.enums import OrderStatus, Side, SurpriseKind, TradingState
from shared.domain.events import (
    ExternalOrder,
    ExternalOrdersSeen,
    OrderAccepted,
    OrderExpired,
    OrderFilled,
    PositionChanged,
    VenueSurprised,
)
from tests.builders import FILL

D = Decimal
PRICES = {"BTC-USDT": D(40_000), "ETH-USDT": D(2_000), "EUR-USDT": D("1.1")}


def buy(symbol="BTC-USDT", remaining="0.5", limit="100", identity="v1", side=Side.BUY):
    return ExternalOrder(
        venue_order_id=identity, symbol=symbol, side=side, remaining=D(remaining),
        limit_price=None if limit is None else D(limit),
    )  # fmt: skip


def seen(facts, number, *orders, account="mock-main", venue="coinbase"):
    return ExternalOrdersSeen(
        account=account, venue=venue, seen_at=facts.at(number), orders=tuple(orders)
    )


def surprised(facts, number=1, account="mock-main", detail="trade t1 sold 2 more than was held"):
    return VenueSurprised(
        account=account, venue="coinbase", symbol="BTC-USDT", kind=SurpriseKind.OVERSOLD,
        detail=detail, found_at=facts.at(number),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("order", "amount"),
    [
        (buy(limit="39000"), "19500"),
        (buy(limit=None), "20000"),
        (buy(limit="0"), "20000"),
        (buy("ADA-USDT", limit="0.5"), "0.25"),
        (buy("ADA-USDT", limit=None), None),
        (buy("ETH-BTC", limit="0.05"), "1000"),
        (buy("ETH-BTC", limit=None), "1000"),
        (buy("BTC-EUR", limit="36000"), "19800"),
        (buy("BTC-GBP", limit="30000"), "20000"),
        (buy("ADA-GBP", limit="30000"), None),
        (buy("no-instrument", limit="3"), None),
        (buy(limit="3e15"), None),
        (buy(limit="1e30"), None),
        (buy(remaining="-1"), "0"),
    ],
)
def test_what_is_left_of_a_buy_counts_at_its_limit_or_the_last_known_price(order, amount):
    external = value_external([order], PRICES, "USDT")
    assert external.buys[0].amount == (None if amount is None else D(amount))
    assert external.total == D(amount or 0)
    assert external.unpriced == ((order,) if amount is None else ())


def test_a_sale_only_makes_exposure_less():
    assert value_external([buy(side=Side.SELL, limit=None)], {}, "USDT").buys == ()


def test_it_counts_on_the_instrument_and_on_the_whole(risk, facts):
    risk.say(facts.marked(1), now=1)
    risk.say(seen(facts, 1, buy(), buy("ADA-EUR", limit=None, identity="v2"), buy("ADA-USDT")))
    assert risk.counter().external == D(100)
    assert risk.counter("symbol", "BTC-USDT").external == D(50)
    assert risk.counter("symbol", "ADA-USDT").external == D(50)
    assert risk.counter("symbol", "ADA-EUR").external == 0
    risk.say(seen(facts, 2))
    assert {row.external for row in risk.rows(exposure_counters)} == {0}
    risk.audit()


def test_an_older_fact_an_equal_one_and_another_accounts_change_nothing(risk, facts):
    risk.say(facts.marked(1), seen(facts, 5, buy()), now=1)
    before = risk.rows(exposure_counters)
    risk.say(seen(facts, 4), seen(facts, 9, account="other"))
    risk.say(seen(facts, 3, buy(limit="900")))
    assert risk.rows(exposure_counters) == before
    assert len(risk.rows(external_exposure)) == 1


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_the_newest_of_several_counts_whatever_order_they_come_in(embedded, facts, is_one_batch):
    said = [seen(facts, 2, buy(limit="200")), seen(facts, 3, buy(limit="300")), seen(facts, 1)]
    embedded.say(facts.marked(1), now=1)
    for batch in [said] if is_one_batch else [[one] for one in said]:
        embedded.say(*batch)
    assert embedded.counter().external == D(150)


def test_each_venue_has_its_own_orders(embedded, facts):
    embedded.say(facts.marked(1), seen(facts, 1, buy()), seen(facts, 1, buy(), venue="kucoin"))
    assert embedded.counter().external == D(100)
    embedded.say(seen(facts, 2))
    assert embedded.counter().external == D(50)


def test_an_entry_gets_what_they_leave_of_its_instrument(risk, facts):
    risk.say(facts.marked(1), seen(facts, 1, buy(remaining="3")), now=1)
    risk.say(facts.issued(1, facts.entry(1), facts.entry(1, "ETH-USDT")))
    first, second = risk.approved()
    assert first.quantity * first.limit_price * D("1.001") <= D(200)
    assert second.quantity * second.limit_price * D("1.001") > D(490)
    assert risk.counter("symbol", "BTC-USDT").external == D(300)
    risk.audit()


def test_a_denial_shows_what_is_theirs(risk, facts):
    risk.say(facts.marked(1), seen(facts, 1, buy(remaining="79.9")), now=1)
    risk.say(facts.issued(1, facts.entry(1), facts.entry(1, "ETH-USDT")))
    on_btc, on_eth = ({one.check: one for one in denied.breaches} for denied in risk.denied())
    assert D(on_btc["position_ratio"].value) > 7990
    assert "7990 of it are theirs" in on_btc["position_ratio"].remedy
    assert "position_ratio" not in on_eth or "theirs" not in on_eth["position_ratio"].remedy
    risk.say(facts.marked(2), seen(facts, 2, buy("ADA-USDT", remaining="80")), now=2)
    risk.say(facts.issued(2, facts.entry(2)))
    last = {one.check: one for one in risk.denied()[-1].breaches}
    assert (last["exposure_ratio"].limit, last["exposure_ratio"].headroom) == ("8000", "0")
    assert "8000 of it are theirs" in last["exposure_ratio"].remedy


def test_where_no_price_is_known_nothing_is_entered_but_positions_may_be_left(risk, facts):
    risk.say(facts.marked(1, BTC="1"), now=1)
    nameless = [buy("ADA-USDT", limit=None), buy("ADA-EUR", limit=None, identity="v2")]
    risk.say(seen(facts, 1, *nameless))
    risk.say(facts.issued(1, facts.leaving(1), facts.entry(1, "ETH-USDT")))
    assert [one.purpose for one in risk.approved()] == ["exit"]
    (breach,) = risk.denied()[0].breaches
    assert (breach.check, breach.value) == ("external_orders", "none for v2 (ADA-EUR) and 1 more")
    risk.say(facts.marked(2), seen(facts, 2), now=2)
    risk.say(facts.issued(2, facts.entry(2, "ETH-USDT")))
    assert len(risk.approved()) == 2


def test_a_mark_moves_what_is_valued_at_the_last_price(risk, facts):
    risk.say(facts.marked(1, BTC="1"), seen(facts, 1, buy(limit=None)), now=1)
    assert risk.counter("symbol", "BTC-USDT").external == D(50)
    mark = facts.marked(2, BTC="1")
    position = mark.positions[0]
    dearer = type(position)(symbol="BTC-USDT", quantity=D(1), price=D(120), notional=D(120))
    changes = {name: getattr(mark, name) for name in mark.__slots__} | {"positions": (dearer,)}
    risk.say(type(mark)(**changes), now=2)
    assert risk.counter().external == D(60)


def test_the_exposure_route_shows_them(embedded, facts):
    embedded.say(facts.marked(1), now=1)
    embedded.say(seen(facts, 1, buy(), buy("ADA-USDT", limit=None, identity="v2")))
    answer = embedded.ask("GET", "/exposure", "read").json()
    assert answer["external"] == [
        {
            "venue_order_id": "v2",
            "symbol": "ADA-USDT",
            "remaining": "0.5",
            "limit_price": None,
            "amount": None,
        },
        {
            "venue_order_id": "v1",
            "symbol": "BTC-USDT",
            "remaining": "0.5",
            "limit_price": "100",
            "amount": "50",
        },
    ]
    shown = {(one["scope"], one["key"]): one for one in answer["counters"]}
    assert shown["total", ""]["external"] == "50"
    assert shown["total", ""]["headroom"] == "7950"
    assert shown["symbol", "BTC-USDT"]["external"] == "50"
    assert D(answer["exposure_ratio"]) == D("0.005")


def test_a_surprise_puts_the_brake_on_until_a_person_resumes(risk, facts):
    risk.say(facts.marked(1), surprised(facts), facts.issued(1, facts.entry(1)), now=1)
    assert risk.states() == [TradingState.REDUCE]
    assert [one.check for one in risk.denied()[0].breaches] == ["trading_state"]
    (row,) = risk.rows(control)
    assert row.actor == "risk"
    for word in ("oversold", "BTC-USDT", "trade t1 sold 2 more than was held"):
        assert word in row.reason
    risk.say(facts.marked(2), now=2)
    assert risk.states() == [TradingState.REDUCE]
    assert risk.ask("POST", "/resume", body={"reason": "looked at it"}).status_code == 200
    risk.say(facts.marked(3), facts.issued(3, facts.entry(3)), now=3)
    assert len(risk.approved()) == 1


def test_a_surprise_never_loosens_a_halt(risk, facts):
    risk.ask("POST", "/halt", body={"reason": "by hand"})
    risk.say(surprised(facts), surprised(facts, 2))
    assert [row.state for row in risk.rows(control)] == [TradingState.HALT]
    assert risk.states() == [TradingState.HALT]


def test_two_surprises_are_one_brake_and_another_accounts_none(risk, facts):
    risk.say(surprised(facts, account="other"))
    assert risk.states() == []
    risk.say(surprised(facts), surprised(facts, 2))
    assert risk.states() == [TradingState.REDUCE]


def test_the_reason_fits_whatever_the_detail_says(facts):
    reason = plain(reason_of(surprised(facts, detail="  ñandú\n" + "x" * 500)))
    assert len(reason) <= 255
    assert reason.isascii()
    assert "  " not in reason


def test_an_order_taken_for_absent_that_returns_is_promised_again(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    (approved,) = risk.approved()
    promised = risk.counter().reserved
    risk.say(OrderExpired(order=facts.order(approved, OrderStatus.ABSENT)))
    assert risk.counter().reserved == 0
    risk.say(OrderAccepted(order=facts.order(approved, OrderStatus.OPEN)))
    assert risk.counter().reserved == promised
    assert risk.counter("symbol", "BTC-USDT").reserved == promised
    risk.say(facts.fill(approved, "1", "1"))
    assert risk.counter().reserved == (approved.quantity - 1) * approved.limit_price * D("1.001")
    risk.audit()


def test_an_end_and_a_return_in_one_batch_are_a_return(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    (approved,) = risk.approved()
    promised = risk.counter().reserved
    risk.say(
        OrderExpired(order=facts.order(approved, OrderStatus.ABSENT)),
        OrderAccepted(order=facts.order(approved, OrderStatus.OPEN)),
    )
    assert risk.counter().reserved == promised


def test_an_entry_only_the_venue_knew_uses_its_instrument(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1, "ETH-USDT")), now=1)
    (approved,) = risk.approved()
    adopted = facts.order(approved, OrderStatus.OPEN)
    changes = {"decision_id": "d" * 36, "client_order_id": "c" * 36, "symbol": "BTC-USDT"}
    fields = {name: getattr(adopted, name) for name in adopted.__slots__} | changes
    risk.say(OrderAccepted(order=type(adopted)(**fields)))
    assert risk.counter("symbol", "BTC-USDT").reserved == approved.quantity * D("100.5") * D(
        "1.001"
    )
    assert len(risk.rows(reservations)) == 2
    risk.say(facts.issued(1, facts.entry(1), origin="pipeline:1"))
    assert "working_order" in {one.check for one in risk.denied()[0].breaches}


def test_a_fee_out_of_the_base_is_not_held(embedded, facts):
    embedded.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    (approved,) = embedded.approved()
    fields = {name: getattr(FILL, name) for name in FILL.__slots__} | {
        "trade_id": "t1", "symbol": "BTC-USDT", "quantity": D(2), "price": D(100),
        "fee": D("0.002"), "fee_asset": "BTC", "filled_at": facts.at(1) + timedelta(seconds=1),
    }  # fmt: skip
    order = facts.order(approved, OrderStatus.PARTIAL, "2")
    embedded.say(OrderFilled(order=order, fill=type(FILL)(**fields)))
    assert embedded.counter().position == D("199.8")
    changed = PositionChanged(
        account="mock-main", symbol="BTC-USDT", quantity=D("1.998"), average_cost=D("100.1"),
        realized_pnl=D(0), changed_at=facts.at(1), trade_id="t1",
    )  # fmt: skip
    before = embedded.rows(exposure_counters)
    embedded.say(changed)
    assert embedded.rows(exposure_counters) == before
