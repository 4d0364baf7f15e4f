"""Risk on real databases, through the real bus."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy.exc import DBAPIError

from risk.tables import exposure_counters, risk_decisions, risk_limits, risk_positions
from shared.db.audit import audit
from shared.db.control import lock_trading_state
from shared.db.engine import is_transient
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.events import (
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    PositionChanged,
    RecommendationExpired,
)

D = Decimal


def enter(risk, facts, number=1, symbol="BTC-USDT"):
    mark = facts.marked(number)
    risk.say(mark, facts.issued(number, facts.entry(number, symbol)), now=number)
    return risk.approved()[-1]


def test_an_approval_its_reservation_and_its_fact_are_one(risk, facts):
    approved = enter(risk, facts)
    cost = approved.quantity * approved.limit_price * D("1.001")
    assert approved.account == "mock-main"
    assert approved.limits_version == 1
    assert risk.counter().reserved == cost
    assert risk.counter().cap == 8_000
    assert risk.counter("symbol", "BTC-USDT").reserved == cost
    assert risk.counter("symbol", "BTC-USDT").cap == 500
    assert risk.counter("trades_per_day", "2024-01-01").position == 1
    row = risk.rows(risk_decisions)[0]
    assert (row.verdict, row.quantity) == ("approved", approved.quantity)
    risk.audit()


def test_book_facts_count_before_the_decisions_of_the_same_batch(risk, facts):
    risk.say(facts.issued(1, facts.entry(1)), facts.marked(1), now=1)
    assert len(risk.approved()) == 1


def test_without_a_mark_nothing_is_approved(risk, facts):
    risk.say(facts.issued(1, facts.entry(1)), now=1)
    checks = [breach.check for breach in risk.denied()[0].breaches]
    assert {"book_age", "equity"} <= set(checks)
    risk.audit()


def test_hearing_a_recommendation_again_changes_nothing(risk, facts):
    approved = enter(risk, facts)
    before = risk.counter()
    again = facts.issued(1, facts.entry(1), origin="pipeline:again")
    risk.say(again)
    assert risk.approved() == [approved]
    assert risk.counter() == before
    risk.audit()


def test_a_fill_moves_exposure_from_promised_to_held(risk, facts):
    approved = enter(risk, facts)
    half = "2"
    risk.say(facts.fill(approved, half, half), now=2)
    left = (approved.quantity - 2) * approved.limit_price * D("1.001")
    assert risk.counter().reserved == left
    assert risk.counter().position == D("200.4")
    rest = approved.quantity - 2
    risk.say(facts.fill(approved, rest, approved.quantity, trade="t2"))
    assert risk.counter().reserved == 0
    assert risk.counter().position == approved.quantity * D("100.2")
    risk.say(facts.marked(2, BTC=approved.quantity), now=2)
    assert risk.counter().position == approved.quantity * 100
    risk.audit()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (OrderRejected, OrderStatus.REJECTED),
        (OrderCanceled, OrderStatus.CANCELED),
        (OrderExpired, OrderStatus.NOT_SENT),
    ],
)
def test_an_order_that_ended_gives_back_what_it_did_not_use(risk, facts, kind, status):
    approved = enter(risk, facts)
    risk.say(kind(order=facts.order(approved, status)), now=2)
    assert risk.counter().reserved == 0
    assert risk.counter("symbol", "BTC-USDT").reserved == 0
    risk.say(facts.marked(2), facts.issued(2, facts.entry(2)), now=2)
    assert len(risk.approved()) == 2
    risk.audit()


def test_an_approval_nobody_acted_on_gives_everything_back(risk, facts):
    def lapsed(approved):
        return RecommendationExpired(
            account=approved.account, recommendation_id=approved.recommendation_id,
            symbol=approved.symbol, expired_at=facts.at(2),
        )  # fmt: skip

    risk.say(lapsed(enter(risk, facts)), now=2)
    assert risk.counter().reserved == 0
    held = hold(risk, facts, 2)
    risk.say(facts.issued(3, facts.leaving(3, quantity=held.quantity)))
    risk.say(lapsed(risk.approved()[-1]))
    risk.say(facts.marked(4), facts.issued(4, facts.leaving(4, quantity=held.quantity)), now=4)
    assert [one.purpose for one in risk.approved()] == ["entry", "entry", "exit", "exit"]
    risk.audit()


def test_a_cancel_whose_fills_are_missing_gives_nothing_back(risk, facts):
    approved = enter(risk, facts)
    reserved = risk.counter().reserved
    risk.say(OrderCanceled(order=facts.order(approved, OrderStatus.FILLS_MISSING)), now=2)
    assert risk.counter().reserved == reserved
    risk.say(facts.marked(2), facts.issued(2, facts.entry(2)), now=2)
    assert risk.denied()[0].breaches[0].check == "working_order"


def test_a_fill_heard_after_its_cancel_is_held_all_the_same(risk, facts):
    approved = enter(risk, facts)
    risk.say(OrderCanceled(order=facts.order(approved, OrderStatus.CANCELED, "2")), now=2)
    risk.say(facts.fill(approved, "2", "2"))
    assert risk.counter().reserved == 0
    assert risk.counter().position == D("200.4")


def hold(risk, facts, number=1):
    approved = enter(risk, facts, number)
    risk.say(facts.fill(approved, approved.quantity, approved.quantity), now=number + 1)
    risk.say(facts.marked(number + 1, BTC=approved.quantity))
    return approved


def test_a_position_is_left_whole_and_its_exposure_ends(risk, facts):
    held = hold(risk, facts)
    risk.say(facts.issued(2, facts.leaving(2, quantity=held.quantity)))
    exit_ = risk.approved()[-1]
    assert (exit_.purpose, exit_.quantity) == ("exit", held.quantity)
    assert risk.counter().reserved == 0
    risk.say(facts.issued(3, facts.leaving(3, quantity=held.quantity)), facts.marked(3), now=3)
    assert [one.check for one in risk.denied()[-1].breaches] == ["working_order"]
    risk.say(facts.fill(exit_, held.quantity, held.quantity, trade="t9"))
    assert risk.counter().position == 0
    risk.say(facts.marked(4), facts.issued(4, facts.entry(4)), now=4)
    assert risk.approved()[-1].purpose == "entry"
    risk.audit()


def test_the_brackets_own_exit_needs_no_decision(risk, facts):
    held = hold(risk, facts)
    fact = facts.fill(held, held.quantity, held.quantity, trade="t9")
    sold = replace(
        fact,
        order=replace(fact.order, side="sell", purpose="exit"),
        fill=replace(fact.fill, side="sell", purpose="exit"),
    )
    risk.say(sold, now=3)
    assert risk.counter().position == 0
    risk.audit()


def test_the_portfolios_figure_for_the_last_fill_replaces_ours(risk, facts):
    held = hold(risk, facts)

    def position(quantity, trade):
        return PositionChanged(
            account="mock-main", symbol="BTC-USDT", quantity=D(quantity), average_cost=D(100),
            realized_pnl=D(0), changed_at=facts.at(2), trade_id=trade,
        )  # fmt: skip

    risk.say(position("1", "another trade"))
    assert risk.rows(risk_positions)[0].quantity == held.quantity
    risk.say(position("4.9", "t1"))
    assert risk.rows(risk_positions)[0].quantity == D("4.9")
    assert risk.counter().position == D(490)


def test_what_moved_beside_our_fills_is_added_to_what_is_held(risk, facts):
    held = hold(risk, facts)

    def said(amount, name):
        return PositionChanged(
            account="mock-main", symbol="BTC-USDT", quantity=D(99), average_cost=D(100),
            realized_pnl=D(0), changed_at=facts.at(2), trade_id=name, moved=D(amount),
        )  # fmt: skip

    risk.say(said("2.5", "a deposit"))
    assert risk.rows(risk_positions)[0].quantity == held.quantity + D("2.5")
    risk.say(said("-3", "a withdrawal"))
    assert risk.rows(risk_positions)[0].quantity == held.quantity - D("0.5")
    assert risk.counter().position == 100 * (held.quantity - D("0.5"))
    risk.audit()


def test_a_position_that_came_with_the_account_counts(risk, facts):
    risk.say(facts.marked(1, cash="9000", XRP="10"), now=1)
    assert risk.counter().position == 1_000
    risk.say(facts.issued(1, facts.entry(1, "XRP-USDT")))
    assert "one_position" in [one.check for one in risk.denied()[0].breaches]


def test_an_older_mark_never_overwrites_a_newer_one(risk, facts):
    risk.say(facts.marked(3, equity="9000"), now=3)
    risk.say(facts.marked(2, equity="12000"))
    assert risk.counter().cap == 7_200


def test_a_new_day_starts_with_a_new_count(engine, facts):
    risk = facts.Risk(engine, max_trades_per_day=1)
    enter(risk, facts, 22)
    risk.say(facts.marked(23), facts.issued(23, facts.entry(23, "ETH-USDT")), now=23)
    assert [one.check for one in risk.denied()[0].breaches] == ["trades_per_day"]
    risk.say(facts.marked(24), facts.issued(24, facts.entry(24, "ETH-USDT")), now=24)
    assert len(risk.approved()) == 2


def test_a_drawdown_stops_entries_until_a_person_resumes(risk, facts):
    risk.say(facts.marked(1, equity="7900", peak="10000"), now=1)
    assert risk.states() == [TradingState.REDUCE]
    risk.say(facts.marked(2, equity="7800", peak="10000"), now=2)
    risk.say(facts.marked(3), facts.issued(3, facts.entry(3)), now=3)
    assert risk.states() == [TradingState.REDUCE]
    assert [one.check for one in risk.denied()[0].breaches] == ["trading_state"]
    assert risk.ask("POST", "/resume", body={"reason": "looked into it"}).status_code == 200
    risk.say(facts.marked(4), facts.issued(4, facts.entry(4)), now=4)
    assert len(risk.approved()) == 1


def test_the_brake_does_not_loosen_a_halt(risk, facts):
    risk.ask("POST", "/halt", body={"reason": "maintenance"})
    risk.say(facts.marked(1, equity="5000", peak="10000"), now=1)
    assert risk.states() == [TradingState.HALT]


def test_restarting_with_other_limits_is_a_new_version_and_a_persons_stay(engine, facts):
    risk = facts.Risk(engine)
    found = risk.ask("GET", "/limits").json()
    tighter = {**found["limits"], "max_position_ratio": 0.02}
    assert risk.ask("PUT", "/limits", body={"version": 1, "limits": tighter}).status_code == 200
    again = facts.Risk(engine)
    assert again.ask("GET", "/limits").json()["version"] == 2
    changed = facts.Risk(engine, max_exposure_ratio=0.5)
    found = changed.ask("GET", "/limits").json()
    assert (found["version"], found["limits"]["max_exposure_ratio"]) == (3, 0.5)
    assert len(changed.rows(risk_limits)) == 3


def together(works):
    """Run each in a thread of its own, all at the same moment; fail as the first of them failed."""
    barrier = Barrier(len(works))

    def one(work):
        barrier.wait()
        for _ in range(20):  # the consumer, too, tries again after a deadlock or a lock wait
            try:
                return work()
            except DBAPIError as error:
                if not is_transient(error):
                    raise
        raise TimeoutError("never got through")

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(one, work) for work in works]:
            done.result()


def reviewing(risk, recommendation):
    reviewer = risk.service.handlers["recommendation.issued"].__self__
    return lambda: risk.outside.attempt(lambda uow: reviewer.review((recommendation,), uow))


def test_limits_hold_however_many_review_at_once(engine, facts):
    """64 threads, each with one entry worth 5 % of the account, of which 80 % may be invested."""
    symbols = tuple(f"C{number}-USDT" for number in range(64))
    risk = facts.Risk(engine, symbols)
    risk.say(facts.marked(1), now=1)
    together([reviewing(risk, facts.entry(1, symbol)) for symbol in symbols])
    assert len(risk.rows(risk_decisions)) == 64
    assert 16 <= len(risk.approved()) <= 17
    assert all(row.reserved + row.position <= row.cap for row in risk.rows(exposure_counters))
    risk.audit()


def test_the_same_recommendation_reviewed_by_many_gets_one_verdict(engine, facts):
    risk = facts.Risk(engine)
    risk.say(facts.marked(1), now=1)
    together([reviewing(risk, facts.entry(1))] * 8)
    assert len(risk.approved()) == 1
    risk.audit()


def test_a_halt_waits_for_claims_in_flight_and_none_commits_after_it(mariadb_engine, facts):
    risk = facts.Risk(mariadb_engine)
    happened = []

    def halt():
        assert risk.ask("POST", "/halt", body={"reason": "drill"}).status_code == 200
        happened.append("halted")

    with risk.outside.begin() as claim:
        assert lock_trading_state(claim.connection, "mock-main") is TradingState.RUN
        thread = Thread(target=halt)
        thread.start()
        thread.join(0.5)
        assert happened == []
        happened.append("claimed")
    thread.join()
    assert happened == ["claimed", "halted"]
    with risk.outside.begin() as claim:
        assert lock_trading_state(claim.connection, "mock-main") is TradingState.HALT


def test_what_fails_half_way_leaves_nothing_behind(risk, facts):
    risk.say(facts.marked(1), now=1)
    before = risk.counter()
    review = risk.service.handlers["recommendation.issued"].__self__.review

    def dies(uow):
        review((facts.entry(1),), uow)
        raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        risk.outside.attempt(dies)
    assert risk.counter() == before
    assert risk.rows(risk_decisions) == []
    risk.say(facts.issued(1, facts.entry(1)))
    assert len(risk.approved()) == 1
    risk.audit()


LARGEST, SMALLEST = "99999999999999999999.999999999999999999", "0.000000000000000001"


@pytest.mark.parametrize(("price", "breach"), [(LARGEST, "amounts"), (SMALLEST, "position_ratio")])
def test_no_price_stops_the_queue(risk, facts, price, breach):
    absurd = replace(facts.entry(1, "ETH-USDT"), price=D(price))
    risk.say(facts.marked(1), facts.issued(1, absurd), now=1)
    assert breach in [one.check for one in risk.denied()[0].breaches]
    risk.say(facts.issued(1, facts.entry(1), origin="pipeline:later"))
    assert [one.symbol for one in risk.approved()] == ["BTC-USDT"]
    risk.audit()


def test_every_change_by_a_person_is_audited(risk):
    risk.ask("POST", "/halt", body={"reason": "maintenance"})
    risk.ask("POST", "/locks", body={"symbol": "BTC-USDT", "reason": "fork"})
    risk.ask("DELETE", "/locks/BTC-USDT")
    actions = [row.action for row in risk.rows(audit) if row.action != "key.used"]
    assert actions == [
        "limits.changed", "trading_state.changed", "symbol.locked", "symbol.unlocked",
    ]  # fmt: skip


def test_the_metrics_say_what_was_decided(risk, facts):
    enter(risk, facts)
    text = risk.ask("GET", "/metrics").text
    assert 'risk_decisions_total{reason="ok",verdict="approved"} 1.0' in text
    assert 'trading_state{state="run"} 1.0' in text
    assert "kelly_fraction_count 1.0" in text
    assert 'risk_exposure_ratio{scope="total"} 0.0499' in text
