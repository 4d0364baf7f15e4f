"""`trading keys create|list|revoke|rotate`: API keys, straight in the database."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from launcher.console import err, out, print_json, print_table
from launcher.options import AsJson
from launcher.person import person
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.http import key_desk
from shared.http.key_desk import CHAIN, Made, Making, checked_overlap
from shared.http.key_names import checked_name
from shared.http.keys import Principal, Standing, StoredKey, checked_scope, stored_keys
from shared.runtime.configuration import SECTIONS
from shared.runtime.pepper import another_pepper, ensure_pepper, of_another
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load

if TYPE_CHECKING:
    from shared.bus.unit_of_work import Transactions, UnitOfWork

_SERVICES = tuple(name for name in SECTIONS if name != "market")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_ID_LENGTH = 8
_LONGEST = timedelta(days=3650)
_SCOPE_HELP = "read (look), trade (also order and cancel) or admin (also halt, limits, books)."
_COLUMNS = ("key_id", "name", "scope", "services", "created", "expires", "last_used", "state")

KeyId = Annotated[str, typer.Argument(help="Its id, as 'trading keys list' shows it.")]
Expires = Annotated[str, typer.Option("--expires", help="It lives so long: 12h, 90d; else on.")]
SuccessorExpires = Annotated[
    str, typer.Option("--expires", help="How long the new key lives; else as long as the old one.")
]


def duration(option: str, text: str) -> timedelta:
    """Return the duration of `90d`, `24h` or `30m`.

    Raises:
        BadInput: none of these, or longer than ten years.
    """
    number, unit = text[:-1], _UNITS.get(text[-1:], 0)
    found = timedelta(seconds=int(number) * unit) if _is_count(number) else timedelta(0)
    if not timedelta(0) < found <= _LONGEST:
        raise BadInput(option, f"'{text}' is no duration", "write for example 90d, 24h or 30m")
    return found


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def create(
    name: Annotated[
        str, typer.Argument(help="Whose key it is, in the audit too: letters, digits, . _ - @")
    ],
    scope: Annotated[str, typer.Option("--scope", help=_SCOPE_HELP)] = "read",
    service: Annotated[
        list[str] | None, typer.Option("--service", help="Only this one; repeat for more.")
    ] = None,
    expires: Expires = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and show it once."""
    wanted = Principal(
        name=checked_name(name), scope=checked_scope(scope), services=_services(service or [])
    )
    life = duration("--expires", expires) if expires else None
    transactions, making = _desk()

    def work(uow: "UnitOfWork") -> Made:
        return key_desk.create(uow, wanted, life, making)

    _show_once(transactions.attempt(work), as_json)


def rotate(
    key_id: KeyId,
    overlap: Annotated[str, typer.Option("--overlap", help="The old key lives on: 24h.")] = "24h",
    expires: SuccessorExpires = "",
    as_json: AsJson = False,
) -> None:
    """Make the successor of a key; both are valid until the old one ends."""
    old = _checked_id(key_id)
    both = checked_overlap(duration("--overlap", overlap))
    life = duration("--expires", expires) if expires else None
    transactions, making = _desk()

    def work(uow: "UnitOfWork") -> Made:
        return key_desk.rotate(uow, old, both, life, making)

    made = transactions.attempt(work)
    _show_once(made, as_json)
    if not as_json:
        err.print(f"The old key {old} ends at {making.now + both:%Y-%m-%d %H:%M} UTC at latest.")


def revoke(key_id: KeyId) -> None:
    """End a key; running services refuse it within five seconds."""
    now, ended = SystemClock().now(), _checked_id(key_id)
    transactions = _transactions(load(PlatformSettings))
    found = transactions.attempt(lambda uow: key_desk.revoke(uow, ended, person(), now))
    out.print(f"The key {ended} ('{found.principal.name}') is revoked.", markup=False)


def list_keys(as_json: AsJson = False) -> None:
    """Show all keys of the database; never what they are."""
    now = SystemClock().now()
    with _transactions(load(PlatformSettings)).read() as connection:
        found = stored_keys(connection).values()
    if as_json:
        print_json([_document(one, now) for one in found])
        return
    rows = [_row(one, now) for one in found]
    print_table("API keys", rows, _COLUMNS, empty="There is no key in the database.")


def _checked_id(key_id: str) -> str:
    """Return the id of a key.

    Raises:
        BadInput: it is none; what may be a whole key is not repeated.
    """
    if len(key_id) != _ID_LENGTH or not key_id.isalnum():
        raise BadInput(
            "key_id", "that is no id", "give the 8 characters 'trading keys list' shows, no key"
        )
    return key_id


def _services(names: list[str]) -> tuple[str, ...]:
    for name in names:
        if name not in _SERVICES:
            known = ", ".join(_SERVICES)
            raise BadInput("--service", f"'{name}' is no service", f"choose from {known}")
    return tuple(sorted(set(names)))


def _desk() -> "tuple[Transactions, Making]":
    settings = load(PlatformSettings)
    pepper, now, transactions = (
        ensure_pepper(settings),
        SystemClock().now(),
        _transactions(settings),
    )
    with transactions.read() as connection:
        stored = stored_keys(connection).values()
    valid = [one for one in stored if one.standing(now) is Standing.VALID]
    if others := of_another(pepper, valid):
        raise another_pepper(others)
    return transactions, Making(actor=person(), now=now, mode=settings.mode, pepper=pepper)


def _transactions(settings: PlatformSettings) -> "Transactions":
    return build_runtime(settings).transactions(CHAIN)


def _show_once(made: Made, as_json: bool) -> None:
    document = _document(made.key, made.key.created_at)
    if as_json:
        print_json({**document, "key": made.text})
        return
    err.print(
        f"The key {document['key_id']} of '{document['name']}' ({document['scope']}), shown this "
        "once and kept nowhere:",
        markup=False,
        soft_wrap=True,
    )
    out.print(made.text, markup=False, soft_wrap=True)


def _document(key: StoredKey, now: datetime) -> dict[str, Any]:
    who = key.principal
    return {
        "key_id": who.key_id,
        "name": who.name,
        "scope": who.scope,
        "services": list(who.services),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "state": key.standing(now),
    }


def _row(key: StoredKey, now: datetime) -> dict[str, Any]:
    document = _document(key, now)
    return {
        **document,
        "services": ", ".join(document["services"]) or "all",
        "created": _minute(key.created_at),
        "expires": _minute(key.expires_at),
        "last_used": _minute(key.last_used_at),
    }


def _minute(instant: datetime | None) -> str | None:
    return None if instant is None else f"{instant:%Y-%m-%d %H:%M}"
