"""The counters of exposure: read under the account's lock, moved only if still as they were read.

The lock alone keeps the caps. The conditions here are the last line behind it: whatever goes wrong
with the isolation of a transaction, a counter that has changed since it was read is not moved, and
no approval moves one beyond its cap.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    true,
    update,
)

from risk.core.exposure import WHOLE, Counter, Counters, Key
from risk.core.usage import Scope
from risk.tables import exposure_counters
from shared.db.dialect import insert_missing
from shared.db.engine import Outdated
from shared.db.statements import Prepared, among, given
from shared.db.types import Money, Word
from shared.domain.ids import AccountId
from shared.domain.values import ZERO

_ROWS_AT_ONCE = 32
_table = exposure_counters.c
_counted = [one for one in exposure_counters.c if one.name != "account"]
_of_account = select(*_counted).where(given(_table.account))
_ALL = Prepared(_of_account)
_SOME = Prepared(
    _of_account.where(
        or_(
            _table.scope_kind.not_in([Scope.SYMBOL, Scope.ASSET]),
            among(_table.scope_key, "names"),
        )
    )
)


class _Move(NamedTuple):
    """`added`: what is used more than before; `bound`: what may be used after it."""

    counter: Counter
    version: int
    added: Any
    bound: Any


def load_all(connection: Connection, account: AccountId) -> Counters:
    """Return every counter by scope and key, each with its version."""
    return _counters(_ALL.rows(connection, account=account))


def load_some(connection: Connection, account: AccountId, names: Iterable[str]) -> Counters:
    """Return those of the instruments and assets that are named, and all of the wider scopes."""
    return _counters(_SOME.rows(connection, account=account, names=["", *sorted(set(names))]))


def _counters(rows: Iterable[Any]) -> Counters:
    return {
        (Scope(row.scope_kind), row.scope_key): (
            Counter(
                scope=Scope(row.scope_kind),
                key=row.scope_key,
                cap=row.cap,
                reserved=row.reserved,
                position=row.position,
                external=row.external,
            ),
            row.version,
        )
        for row in rows
    }


def follow_book(
    connection: Connection, account: AccountId, wanted: Iterable[Counter], known: Counters
) -> None:
    """Write what the rows say now: the market and fills may use more than a cap allows.

    Raises:
        Outdated: a counter is no longer as it was read.
    """
    moves = _moves(wanted, known)
    _apply(connection, account, [move._replace(bound=move.counter.used) for move in moves])


def add_approved(
    connection: Connection, account: AccountId, wanted: Iterable[Counter], known: Counters
) -> None:
    """Write what approvals add, each counter only if that leaves it within its cap.

    Raises:
        Outdated: a counter is no longer as it was read, or would pass its cap.
    """
    _apply(connection, account, _moves(wanted, known))


def forget(connection: Connection, account: AccountId, keys: Sequence[Key]) -> None:
    """Take away the counters of minutes and days that are over."""
    if not keys:
        return
    named = (and_(_table.scope_kind == scope, _table.scope_key == name) for scope, name in keys)
    connection.execute(delete(exposure_counters).where(_table.account == account, or_(*named)))


def _moves(wanted: Iterable[Counter], known: Counters) -> list[_Move]:
    """Return what changes, and always the account as a whole: its version counts every change."""
    found: list[_Move] = []
    for one in wanted:
        before, version = known.get((one.scope, one.key), (None, 0))
        if one == before and (one.scope, one.key) != WHOLE:
            continue
        used = ZERO if before is None else before.used
        bound = one.cap if one.used > used else one.used
        found.append(_Move(one, version, one.used - used, bound))
    return found


def _apply(connection: Connection, account: AccountId, moves: Sequence[_Move]) -> None:
    zeros = [_zero(account, move.counter) for move in moves if move.version == 0]
    insert_missing(connection, exposure_counters, zeros)
    first = 0
    while first < len(moves):
        size = min(_ROWS_AT_ONCE, 1 << ((len(moves) - first).bit_length() - 1))
        some = moves[first : first + size]
        statement = _statement(size, connection.dialect.name == "sqlite")
        if statement.run(connection, [_values(account, some)]) != size:
            names = ", ".join(f"{move.counter.scope} {move.counter.key}".strip() for move in some)
            raise Outdated(f"one of these counters changed meanwhile, or is at its cap: {names}")
        first += size


@cache
def _statement(size: int, is_text: bool) -> Prepared:  # noqa: FBT001 - SQLite keeps amounts as text
    """Return the update of so many counters at once.

    SQLite cannot add texts exactly; there only one transaction writes at a time, and the version
    says it all.
    """
    places = range(size)
    used = _table.reserved + _table.position + _table.external
    conditions = [
        and_(
            _is_at(place),
            _table.version == bindparam(f"m{place}_version", type_=BigInteger()),
            true() if is_text else used + _money(f"m{place}_added") <= _money(f"m{place}_bound"),
        )
        for place in places
    ]
    changed: dict[str, Any] = {
        name: case(*((_is_at(place), _money(f"m{place}_{name}")) for place in places))
        for name in ("cap", "reserved", "position", "external")
    }
    owner = bindparam("owner", type_=Word(64))
    return Prepared(
        update(exposure_counters)
        .where(_table.account == owner, or_(*conditions))
        .values(version=_table.version + 1, **changed)
    )


def _is_at(place: int) -> ColumnElement[bool]:
    kind = bindparam(f"m{place}_kind", type_=_table.scope_kind.type)
    return and_(
        _table.scope_kind == kind,
        _table.scope_key == bindparam(f"m{place}_key", type_=_table.scope_key.type),
    )


def _money(name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=Money())


def _values(account: AccountId, moves: Sequence[_Move]) -> dict[str, Any]:
    values: dict[str, Any] = {"owner": account}
    for place, (counter, version, added, bound) in enumerate(moves):
        one = {
            "kind": counter.scope,
            "key": counter.key,
            "version": version,
            "added": added,
            "bound": bound,
            "cap": counter.cap,
            "reserved": counter.reserved,
            "position": counter.position,
            "external": counter.external,
        }
        values.update({f"m{place}_{name}": value for name, value in one.items()})
    return values


def _zero(account: AccountId, counter: Counter) -> dict[str, Any]:
    return {
        "account": account,
        "scope_kind": counter.scope,
        "scope_key": counter.key,
        "cap": counter.cap,
        "reserved": ZERO,
        "position": ZERO,
        "external": ZERO,
        "version": 0,
    }
