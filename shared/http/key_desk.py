"""What is done to keys: made, revoked, replaced; each change is told to the audit.

All changes wait for one another at the head of the audit's chain, so that no two of them together
can leave three valid keys of one name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, update

from shared.db.audit import lock_chain
from shared.domain.errors import BadInput, Conflict, NotFound
from shared.http.keys import (
    Principal,
    Standing,
    StoredKey,
    api_keys,
    generate,
    peppered,
    sign_of,
    store,
    stored_keys,
)

CHAIN = "keys"


class Unit(Protocol):
    """A unit of work of the chain `keys`."""

    @property
    def connection(self) -> Connection: ...

    def audit(self, actor: str, action: str, subject: str, detail: Any) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Who changes keys, when (by the wall), in which mode and under which pepper."""

    actor: str
    now: datetime
    mode: str
    pepper: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new key; `text` is the key itself and is kept nowhere."""

    key: StoredKey
    text: str


def create(uow: Unit, wanted: Principal, life: timedelta | None, making: Making) -> Made:
    """Make a key.

    Raises:
        Conflict: a valid key has this name; its successor is made by `rotate`.
    """
    lock_chain(uow.connection, CHAIN)
    others = _valid(stored_keys(uow.connection).values(), wanted.name, making.now)
    if others:
        raise Conflict(
            f"the key {others[0].principal.key_id} is called '{wanted.name}' already: rotate it, "
            "or take another name"
        )
    made = _make(uow, wanted, life, making)
    uow.audit(making.actor, "key.created", made.key.principal.key_id, _told(made.key))
    return made


def rotate(
    uow: Unit, key_id: str, overlap: timedelta, life: timedelta | None, making: Making
) -> Made:
    """Make a successor of the same name, scope and services; the old key ends after `overlap`.

    Without `life` the successor lives as long as the old key was meant to.

    Raises:
        NotFound: there is no such key.
        Conflict: it is not valid any more, or a successor is valid already.
    """
    lock_chain(uow.connection, CHAIN)
    known = stored_keys(uow.connection)
    old = known.get(key_id)
    if old is None:
        raise NotFound(f"there is no key {key_id}; 'trading keys list' shows them")
    standing = old.standing(making.now)
    if standing is not Standing.VALID:
        raise Conflict(f"the key {key_id} is {standing}; make a new one with 'trading keys create'")
    others = _valid(known.values(), old.principal.name, making.now)
    if len(others) > 1:
        both = " and ".join(one.principal.key_id for one in others)
        raise Conflict(f"two keys of '{old.principal.name}' are valid: {both}; revoke one first")
    if life is None and old.expires_at is not None:
        life = old.expires_at - old.created_at
    made = _make(uow, old.principal, life, making)
    ends_at = making.now + overlap
    if old.expires_at is None or ends_at < old.expires_at:
        _set(uow.connection, key_id, expires_at=ends_at)
        old = replace(old, expires_at=ends_at)
    detail = {**_told(made.key), "replaces": key_id, "old_expires_at": old.expires_at}
    uow.audit(making.actor, "key.rotated", made.key.principal.key_id, detail)
    return made


def revoke(uow: Unit, key_id: str, actor: str, now: datetime) -> StoredKey:
    """End a key; services hear of it when they read the keys again, within seconds.

    Raises:
        NotFound: there is no such key.
        Conflict: it was revoked before.
    """
    lock_chain(uow.connection, CHAIN)
    found = stored_keys(uow.connection).get(key_id)
    if found is None:
        raise NotFound(f"there is no key {key_id}; 'trading keys list' shows them")
    if found.revoked_at is not None:
        raise Conflict(f"the key {key_id} was revoked at {found.revoked_at:%Y-%m-%d %H:%M} UTC")
    _set(uow.connection, key_id, revoked_at=now)
    uow.audit(actor, "key.revoked", key_id, _told(found))
    return replace(found, revoked_at=now)


def checked_overlap(overlap: timedelta) -> timedelta:
    """Return how long two keys may be valid side by side.

    Raises:
        BadInput: longer than 30 days: that is no rotation.
    """
    if not timedelta(0) <= overlap <= timedelta(days=30):
        raise BadInput("--overlap", "it is longer than 30 days", "write for example 24h")
    return overlap


def _make(uow: Unit, wanted: Principal, life: timedelta | None, making: Making) -> Made:
    key_id, text = generate(making.mode)
    key = StoredKey(
        principal=replace(wanted, key_id=key_id),
        digest=peppered(making.pepper, text),
        pepper=sign_of(making.pepper),
        created_at=making.now,
        expires_at=None if life is None else making.now + life,
    )
    store(uow.connection, key)
    return Made(key=key, text=text)


def _valid(keys: Iterable[StoredKey], name: str, now: datetime) -> list[StoredKey]:
    return [
        one for one in keys if one.principal.name == name and one.standing(now) is Standing.VALID
    ]


def _set(connection: Connection, key_id: str, **values: datetime) -> None:
    connection.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(**values))


def _told(key: StoredKey) -> dict[str, Any]:
    who = key.principal
    return {
        "name": who.name,
        "scope": who.scope,
        "services": list(who.services),
        "expires_at": key.expires_at,
    }
