"""Keys in the database: made once, two valid at most, ended in time, told by the audit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.audit import audit
from shared.domain.clock import FollowingClock
from shared.domain.errors import BadInput, Conflict, NotFound
from shared.http import key_desk
from shared.http.key_desk import CHAIN, Making
from shared.http.key_names import checked_name
from shared.http.keys import (
    Principal,
    StoredKey,
    api_keys,
    generate,
    id_of,
    peppered,
    stored,
    stored_keys,
)
from shared.http.uses import Use
from shared.runtime.key_uses import writing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PEPPER = b"p" * 64
MAKING = Making(actor="ada", now=NOW, mode="mock", pepper=PEPPER)
BOT = Principal(name="bot", scope="trade", services=("portfolio", "risk"))


class Desk:
    def __init__(self, engine):
        self.transactions = Transactions(engine, FollowingClock(), InProcessDoorbell(), CHAIN)

    def create(self, who=BOT, life=None, making=MAKING):
        return self.transactions.attempt(lambda uow: key_desk.create(uow, who, life, making))

    def rotate(self, key_id, overlap=DAY, life=None, at=NOW):
        making = replace(MAKING, now=at)
        return self.transactions.attempt(
            lambda uow: key_desk.rotate(uow, key_id, overlap, life, making)
        )

    def revoke(self, key_id, at=NOW):
        return self.transactions.attempt(lambda uow: key_desk.revoke(uow, key_id, "ada", at))

    def keys(self):
        with self.transactions.read() as connection:
            return stored_keys(connection)

    def valid(self, at=NOW):
        return [one for one in self.keys().values() if one.standing(at) == "valid"]

    def deeds(self):
        with self.transactions.read() as connection:
            return connection.execute(select(audit).order_by(audit.c.seq)).all()


@pytest.fixture
def desk(engine):
    return Desk(engine)


def test_a_key_is_kept_as_a_digest_that_only_the_pepper_can_check(desk):
    made = desk.create(life=90 * DAY)
    known = desk.keys()
    assert stored(made.text, known, PEPPER).principal == made.key.principal
    assert stored(made.text, known, b"q" * 64) is None
    assert stored(made.text, known, None) is None
    assert stored(made.text[:-1] + "A", known, PEPPER) is None
    with desk.transactions.read() as connection:
        kept = str(connection.execute(select(api_keys)).all())
    assert made.text.split("_", 3)[3] not in kept + str(desk.deeds())
    (key,) = known.values()
    assert (key.principal.services, key.expires_at) == (("portfolio", "risk"), NOW + 90 * DAY)


def test_a_name_that_is_in_use_is_not_given_twice_but_again_once_its_key_is_over(desk):
    first = desk.create()
    with pytest.raises(Conflict, match="rotate it"):
        desk.create()
    desk.revoke(first.key.principal.key_id)
    assert desk.create().key.principal.name == "bot"


def test_a_successor_has_the_same_rights_and_both_are_valid_until_the_overlap_ends(desk):
    old = desk.create(life=90 * DAY)
    later = NOW + 80 * DAY
    new = desk.rotate(old.key.principal.key_id, DAY, at=later)
    assert replace(new.key.principal, key_id="") == BOT
    assert new.key.expires_at == later + 90 * DAY
    assert len(desk.valid(later + DAY - timedelta(seconds=1))) == 2
    (left,) = desk.valid(later + DAY)
    assert left.principal == new.key.principal


def test_an_overlap_never_lets_a_key_live_longer_than_it_would_have(desk):
    old = desk.create(life=DAY)
    desk.rotate(old.key.principal.key_id, 7 * DAY)
    assert desk.keys()[old.key.principal.key_id].expires_at == NOW + DAY


def test_two_are_valid_at_a_time_and_never_three(desk):
    first = desk.create()
    second = desk.rotate(first.key.principal.key_id)
    for one in (first, second):
        with pytest.raises(Conflict, match="two keys of 'bot' are valid"):
            desk.rotate(one.key.principal.key_id)
    assert len(desk.valid()) == 2
    desk.revoke(first.key.principal.key_id)
    desk.rotate(second.key.principal.key_id)
    assert len(desk.valid()) == 2


def test_a_key_that_is_over_has_no_successor_and_is_not_ended_twice(desk):
    made = desk.create()
    desk.revoke(made.key.principal.key_id)
    with pytest.raises(Conflict, match="is revoked"):
        desk.rotate(made.key.principal.key_id)
    with pytest.raises(Conflict, match="was revoked"):
        desk.revoke(made.key.principal.key_id)
    with pytest.raises(NotFound):
        desk.revoke("00ff00ff")
    short = desk.create(life=DAY)
    with pytest.raises(Conflict, match="is expired"):
        desk.rotate(short.key.principal.key_id, at=NOW + DAY)


def test_making_ending_and_replacing_stand_in_the_audit_without_the_key(desk):
    made = desk.create()
    desk.rotate(made.key.principal.key_id)
    desk.revoke(made.key.principal.key_id)
    told = desk.deeds()
    assert [one.action for one in told] == ["key.created", "key.rotated", "key.revoked"]
    assert {one.actor for one in told} == {"ada"}
    assert told[1].detail["replaces"] == told[0].subject == made.key.principal.key_id


def use(_desk, key_id, at, is_deed=True):
    who = replace(BOT, key_id=key_id)
    return Use(principal=who, method="GET", route="/limits", status=200, at=at, is_deed=is_deed)


def test_last_use_is_kept_by_the_minute_and_never_goes_back(desk):
    key_id = desk.create().key.principal.key_id
    write = writing(desk.transactions)
    late, early = NOW + timedelta(minutes=5, seconds=30), NOW + timedelta(minutes=1)
    write([use(desk, key_id, late), use(desk, key_id, early, is_deed=False)])
    write([use(desk, key_id, early)])
    assert desk.keys()[key_id].last_used_at == NOW + timedelta(minutes=5)
    told = [one for one in desk.deeds() if one.action == "key.used"]
    assert [(one.actor, one.subject, one.detail["key_id"]) for one in told] == [
        ("bot", "GET /limits", key_id)
    ] * 2


def test_a_key_of_the_configuration_is_told_by_its_name(desk):
    write = writing(desk.transactions)
    write([replace(use(desk, "", NOW), principal=Principal(name="configured-1", scope="read"))])
    (told,) = desk.deeds()
    assert (told.actor, told.detail["key_id"]) == ("configured-1", "configured-1")


def at_once(number, work):
    together = Barrier(number)

    def one(_):
        together.wait(10)
        try:
            return work()
        except Conflict:
            return None

    with ThreadPoolExecutor(number) as people:
        return [one for one in people.map(one, range(number)) if one is not None]


def test_whoever_asks_at_the_same_time_no_third_key_comes_to_be(desk):
    made = at_once(6, desk.create)
    assert len(made) == len(desk.valid()) == 1
    key_id = made[0].key.principal.key_id
    assert len(at_once(6, lambda: desk.rotate(key_id))) == 1
    assert len(desk.valid()) == 2


@pytest.mark.parametrize("name", ["", " bot", "bot ", "b" * 65, "bot\n", "böt", "a\tb"])
def test_a_name_the_audit_cannot_hold_is_refused(name):
    with pytest.raises(BadInput):
        checked_name(name)


@given(st.text(max_size=80))
def test_no_text_but_a_key_of_ours_has_an_id_and_none_is_taken_for_one(text):
    key_id, key = generate("mock")
    known = {
        key_id: StoredKey(
            principal=replace(BOT, key_id=key_id), digest=peppered(PEPPER, key), created_at=NOW
        )
    }
    assert id_of(key) == key_id
    for wrong in (text, key + text if text else "", text + key if text else "", key[:-1] + text):
        if wrong != key:
            assert stored(wrong, known, PEPPER) is None
