"""The trading state of an account: latched by brakes, loosened by people alone, on real databases."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from risk.repository.policy import find_state
from shared.db.audit import audit
from shared.db.control import control, lock_trading_state
from shared.db.engine import Outdated
from shared.domain.clock import EPOCH
from shared.domain.enums import AlarmKind, OrderStatus, SurpriseKind, TradingState
from shared.domain.events import OrderRejected, TradingAlarmed, VenueSurprised

D = Decimal
WHY = {"reason": "looked into it"}


def state_of(risk, account="mock-main"):
    with risk.outside.read() as connection:
        return find_state(connection, account)


def alarm(facts, kind=AlarmKind.DRIFT, **changes):
    fact = TradingAlarmed(
        account="mock-main", kind=kind, subject="BTC-USDT", detail="it is judged red",
        raised_at=facts.at(1),
    )  # fmt: skip
    return replace(fact, **changes)


def surprise(facts):
    return VenueSurprised(
        account="mock-main", venue="kucoin", symbol="BTC-USDT", kind=SurpriseKind.RETURNED,
        detail="an order that was absent is open", found_at=facts.at(1),
    )  # fmt: skip


CAUSES = {
    "drawdown": lambda facts: replace(
        facts.marked(1, equity="7900", peak="10000"), day_start_equity=D(7900)
    ),
    "day loss": lambda facts: facts.marked(1, equity="9000", peak="10000"),
    "drift BTC-USDT": alarm,
    "clock kucoin": lambda facts: alarm(facts, AlarmKind.CLOCK, subject="kucoin"),
    "stale_data": lambda facts: alarm(facts, AlarmKind.STALE_DATA),
    "kucoin surprised us": surprise,
}


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_reduces_the_account_and_says_why(embedded, facts, cause):
    embedded.say(CAUSES[cause](facts), now=1)
    row = state_of(embedded)
    assert (row.state, row.version, row.actor) == (TradingState.REDUCE, 2, "risk")
    assert row.reason.startswith(cause)
    embedded.say(facts.marked(2), facts.issued(2, facts.entry(2)), now=2)
    assert "trading_state" in [one.check for one in embedded.denied()[0].breaches]
    told = [deed.detail for deed in embedded.rows(audit) if deed.action == "trading_state.changed"]
    assert [one["reason"] for one in told] == [row.reason]


@pytest.mark.parametrize("cause", CAUSES)
def test_no_cause_loosens_a_halt_or_is_told_twice(embedded, facts, cause):
    embedded.ask("POST", "/halt", body=WHY)
    embedded.say(CAUSES[cause](facts), now=1)
    assert embedded.states() == [TradingState.HALT]


def test_orders_that_fail_one_after_the_other_reduce_the_account(sqlite_engine, facts):
    risk = facts.Risk(sqlite_engine, min_failure_orders=2)
    entries = [facts.entry(1, symbol) for symbol in ("BTC-USDT", "ETH-USDT")]
    risk.say(facts.marked(1), facts.issued(1, *entries), now=1)
    first, second = risk.approved()
    risk.say(OrderRejected(order=facts.order(first, OrderStatus.REJECTED)))
    assert risk.states() == []
    risk.say(OrderRejected(order=facts.order(second, OrderStatus.REJECTED)))
    assert risk.states() == ["reduce"]
    assert state_of(risk).reason == "2 of 2 orders failed within 600 s, the limit is 0.5"
    risk.say(facts.marked(14), now=14)  # the window has gone by, and a person may resume
    assert risk.ask("POST", "/resume", body=WHY).json()["state"] == "run"


def test_an_alarm_about_another_account_is_not_ours(embedded, facts):
    embedded.say(alarm(facts, account="mock-other"), now=1)
    assert embedded.states() == []


def test_a_brake_outlives_its_cause_and_a_restart(engine, facts):
    risk = facts.Risk(engine)
    risk.say(facts.marked(1, equity="7900", peak="10000"), now=1)
    risk.say(facts.marked(2), now=2)
    again = facts.Risk(engine)
    assert again.ask("GET", "/trading-state").json()["state"] == "reduce"
    again.say(facts.marked(3), facts.issued(3, facts.entry(3)), now=3)
    assert [one.check for one in again.denied()[0].breaches] == ["trading_state"]


def test_who_resumes_while_the_cause_holds_is_told_so_and_no_claim_ever_sees_it_run(risk, facts):
    risk.say(facts.marked(1, equity="7900", peak="10000"), now=1)
    answer = risk.ask("POST", "/resume", body=WHY).json()
    assert answer["state"] == "reduce"
    assert answer["reason"].startswith("drawdown 0.21 reached the limit 0.2; day loss 0.21")
    assert risk.states() == ["reduce", "run", "reduce"]
    assert state_of(risk).version == answer["version"] == 4
    assert 'trading_state{state="reduce"} 1.0' in risk.ask("GET", "/metrics").text
    limits = risk.ask("GET", "/limits").json()
    wider = {**limits["limits"], "max_drawdown_ratio": 0.5, "max_day_loss_ratio": 0.5}
    risk.ask("PUT", "/limits", body={"version": limits["version"], "limits": wider})
    assert risk.ask("POST", "/resume", body=WHY).json()["state"] == "run"


def test_a_person_may_tighten_and_loosen_as_they_like(embedded):
    for path, state in (
        ("/reduce", "reduce"),
        ("/halt", "halt"),
        ("/reduce", "reduce"),
        ("/resume", "run"),
    ):
        assert embedded.ask("POST", path, body=WHY).json()["state"] == state
    assert embedded.ask("POST", "/resume", body=WHY).json()["version"] == 5  # asking twice is once
    assert embedded.ask("POST", "/halt", scope="trade", body=WHY).status_code == 403


def test_the_first_state_is_not_dated_1970(sqlite_engine, facts, monkeypatch):
    monkeypatch.setattr("shared.domain.clock.FollowingClock.observe", lambda *_: None)
    risk = facts.Risk(sqlite_engine)
    assert risk.clock.now() == EPOCH
    assert state_of(risk).changed_at.year > 2000
    assert not risk.ask("GET", "/limits").json()["created_at"].startswith("1970")


def test_a_halt_does_not_wait_for_a_verdict_and_what_it_approves_is_not_claimed(
    mariadb_engine, facts, monkeypatch
):
    from executor.core.planning import obstacle
    from risk.handlers import review

    risk = facts.Risk(mariadb_engine)
    risk.say(facts.marked(1), now=1)
    looked = review.standing_in_force

    def looked_just_before_the_halt(uow, opening):
        standing = looked(uow, opening)
        assert risk.ask("POST", "/halt", body=WHY).json()["state"] == "halt"
        return standing

    monkeypatch.setattr(review, "standing_in_force", looked_just_before_the_halt)
    risk.say(facts.issued(1, facts.entry(1)))
    (approved,) = risk.approved()
    with risk.outside.begin() as claim:
        state = lock_trading_state(claim.connection, "mock-main")
        assert (
            obstacle(state, approved.purpose, claim.now, approved.expires_at) == "trading is halted"
        )


# --- a file ------------------------------------------------------------------------------------


@pytest.fixture
def filed(sqlite_engine, facts, tmp_path):
    """Risk with a file to heed, and what lets it look."""
    path = tmp_path / "state"
    risk = facts.Risk(sqlite_engine, state_file=path)
    return risk, path, risk.tasks["state_file"].round


def test_a_file_that_is_not_there_means_nothing(filed):
    risk, _, look = filed
    look()
    assert state_of(risk).version == 1


def test_a_file_tightens_at_the_next_look_and_says_why(filed):
    risk, path, look = filed
    path.write_text("reduce\n")
    look()
    path.write_text("halt the venue is under attack\n")
    look()
    row = state_of(risk)
    assert (row.state, row.actor) == (TradingState.HALT, "state-file")
    assert row.reason == "state file: the venue is under attack"
    assert risk.states() == ["reduce", "halt"]
    actors = [deed.actor for deed in risk.rows(audit) if deed.action == "trading_state.changed"]
    assert actors == ["state-file"] * 2


@pytest.mark.parametrize("word", ["run", "reduce", None])
def test_a_file_never_loosens(filed, word):
    risk, path, look = filed
    risk.ask("POST", "/halt", body=WHY)
    if word:
        path.write_text(word)
    look()
    look()
    assert state_of(risk).state == TradingState.HALT


def test_taking_the_file_away_resumes_nothing(filed):
    risk, path, look = filed
    path.write_text("halt")
    look()
    path.unlink()
    look()
    assert state_of(risk).state == TradingState.HALT
    assert risk.ask("POST", "/resume", body=WHY).json()["state"] == "run"


def test_who_resumes_while_the_file_says_halt_stays_halted(filed):
    risk, path, look = filed
    path.write_text("halt maintenance")
    look()
    answer = risk.ask("POST", "/resume", body=WHY).json()
    assert (answer["state"], answer["reason"]) == ("halt", "state file: maintenance")


def test_who_asks_for_less_than_the_file_gets_what_the_file_says_at_once(filed):
    risk, path, look = filed
    path.write_text("halt maintenance")
    look()
    answer = risk.ask("POST", "/reduce", body=WHY).json()
    assert (answer["state"], answer["reason"]) == ("halt", "state file: maintenance")
    assert 'trading_state{state="halt"} 1.0' in risk.ask("GET", "/metrics").text
    path.write_text("reduce")
    assert risk.ask("POST", "/reduce", body=WHY).json()["state"] == "reduce"
    assert risk.ask("POST", "/halt", body=WHY).json()["state"] == "halt"


def test_a_file_may_begin_with_a_byte_order_mark(filed):
    risk, path, look = filed
    path.write_bytes(b"\xef\xbb\xbfhalt maintenance\r\n")
    look()
    row = state_of(risk)
    assert (row.state, row.reason) == (TradingState.HALT, "state file: maintenance")


def test_nonsense_in_the_file_means_reduce_once_it_is_read_twice(filed):
    risk, path, look = filed
    path.write_text("hlat")
    look()
    assert state_of(risk).state == TradingState.RUN  # it may have been half written
    look()
    row = state_of(risk)
    assert row.state == TradingState.REDUCE
    assert row.reason == "state file: it begins with 'hlat', not with run, reduce or halt"


def folder(path):
    path.mkdir()


def too_long(path):
    path.write_text("run " + "x" * 5000)


def no_text(path):
    path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("make", [folder, too_long, no_text])
def test_a_file_that_cannot_be_read_means_reduce(filed, make):
    risk, path, look = filed
    make(path)
    look()
    look()
    assert state_of(risk).state == TradingState.REDUCE


TROUBLE = (OperationalError("SELECT", {}, Exception("gone")), Outdated("a counter has changed"))


def in_trouble(trouble):
    def fails(*_):
        raise trouble

    return fails


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_file_is_looked_at_again_when_the_database_is_back(filed, monkeypatch, trouble):
    risk, path, look = filed
    path.write_text("halt")
    with monkeypatch.context() as patched:
        patched.setattr(type(risk.tasks["state_file"].transactions), "attempt", in_trouble(trouble))
        look()
    look()
    assert state_of(risk).state == TradingState.HALT


# --- silence -----------------------------------------------------------------------------------


@pytest.fixture
def paper(sqlite_engine, facts):
    """Risk on a clock that goes on without candles; hours, five of which may be silent."""
    risk = facts.Risk(sqlite_engine, platform={"trading_mode": "paper"})
    silence = risk.tasks["silence"]

    def look(number):
        risk.clock.observe(facts.at(number))
        silence.round()
        return state_of(risk, "paper-main").state

    return risk, look


def mark(facts, number):
    return replace(facts.marked(number), account="paper-main")


def test_silence_stops_entries_when_five_candles_are_missing(paper, facts):
    risk, look = paper
    risk.say(mark(facts, 2), now=2)
    assert look(7) == TradingState.RUN
    assert look(7.01) == TradingState.REDUCE
    assert state_of(risk, "paper-main").reason.startswith("no candle since 2024-01-01 02:00:00 UTC")


@pytest.mark.parametrize("trouble", TROUBLE)
def test_silence_is_looked_at_again_when_the_database_is_back(paper, monkeypatch, trouble):
    risk, look = paper
    with monkeypatch.context() as patched:
        patched.setattr(type(risk.tasks["silence"].transactions), "attempt", in_trouble(trouble))
        assert look(9) == TradingState.RUN
    assert look(9) == TradingState.REDUCE


def test_candles_that_come_again_do_not_resume_by_themselves(paper, facts):
    risk, look = paper
    look(9)
    risk.say(mark(facts, 10), now=10)
    assert look(10) == TradingState.REDUCE
    assert risk.ask("POST", "/resume", body=WHY).json()["state"] == "run"


def test_who_resumes_into_silence_is_told_so(paper):
    risk, look = paper
    look(9)
    answer = risk.ask("POST", "/resume", body=WHY).json()
    assert answer["state"] == "reduce"
    assert answer["reason"].startswith("no candle since")


def test_after_a_start_candles_get_their_time_to_come(paper):
    _, look = paper
    assert look(5) == TradingState.RUN
    assert look(5.01) == TradingState.REDUCE


def test_where_the_clock_follows_the_candles_nobody_waits_for_them(embedded):
    assert "silence" not in embedded.tasks


def test_a_feed_that_has_ended_in_mock_brakes_nothing(embedded, facts):
    embedded.say(facts.marked(1), now=1)
    embedded.clock.observe(facts.at(1) + timedelta(days=3))
    assert embedded.ask("POST", "/resume", body=WHY).json()["state"] == "run"
    with embedded.outside.read() as connection:
        assert connection.execute(select(control.c.version)).scalar_one() == 1
