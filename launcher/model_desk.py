"""Where a change of champion is asked for: at the service, or on files and database without one."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import msgspec

from launcher.candles import traded_market
from launcher.client import AnsweredNo, Platform
from launcher.model_keys import trust_of
from launcher.models_home import served_folder
from models.evaluation.promotion import PromotionRefused
from models.manifest import RELEASE_ID, scope_of
from models.registry import Registry
from models.shelf import scopes_in
from shared.bus.history import last_instant
from shared.domain.errors import BadInput, NotFound, TradingError
from shared.domain.ids import Symbol
from shared.runtime.service import build_runtime
from shared.runtime.settings import Mode, PlatformSettings
from signal_generator.app import NAME
from signal_generator.repository.promotion import Change, NotMoved, Promotions

_ACTOR = "command-line"
_SHOWN = 10


class Declined(AnsweredNo):
    """A promotion that was refused; `document` has every condition with its figures."""


class Desk(Protocol):
    """What both ways have in common; the answers are those of the REST routes."""

    def ids(self) -> Sequence[str]: ...
    def promote(self, release_id: str, override: str | None) -> Mapping[str, Any]: ...
    def rollback(self, symbol: str) -> Mapping[str, Any]: ...


class ServiceDesk:
    """Asks the running signal generator."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def ids(self) -> Sequence[str]:
        return [one["release_id"] for one in self._platform.get(NAME, "/models")["items"]]

    def promote(self, release_id: str, override: str | None) -> Mapping[str, Any]:
        body = {} if override is None else {"override": override}
        try:
            return self._platform.post(NAME, f"/models/{release_id}/promote", body)
        except AnsweredNo as error:
            raise _named(error) from error

    def rollback(self, symbol: str) -> Mapping[str, Any]:
        try:
            return self._platform.post(NAME, f"/models/{symbol}/rollback", {})
        except AnsweredNo as error:
            raise _named(error) from error


class FileDesk:
    """Does what the service would do, by the same rule and with the same audit."""

    def __init__(self, settings: PlatformSettings) -> None:
        root = served_folder(settings)
        self._root = root
        runtime = build_runtime(settings)
        transactions = runtime.transactions(NAME)
        self._promotions = Promotions(
            root=root,
            registry=Registry(root, traded_market(settings), trust=trust_of(settings)),
            transactions=transactions,
            may_override=settings.mode is not Mode.LIVE,
        )
        with transactions.read() as connection:
            reached = last_instant(connection)
        if reached is not None:  # a clock that follows the candles stands where they stand
            runtime.clock.observe(reached)

    def ids(self) -> Sequence[str]:
        return ids_in(self._root)

    def promote(self, release_id: str, override: str | None) -> Mapping[str, Any]:
        try:
            return _answer(self._promotions.promote(release_id, _ACTOR, override))
        except PromotionRefused as error:
            conditions: Any = msgspec.to_builtins(error.ruling.conditions)
            said = {"reason": error.reason, "detail": error.detail, "conditions": conditions}
            raise _declined(said) from error

    def rollback(self, symbol: str) -> Mapping[str, Any]:
        return _answer(self._promotions.rollback(scope_of(Symbol(symbol)), _ACTOR))


def desk_of(settings: PlatformSettings) -> Desk:
    platform = Platform(settings)
    return FileDesk(settings) if platform.health(NAME) is None else ServiceDesk(platform)


def ids_in(root: Path) -> list[str]:
    """Return the ids of all releases in a folder, those that cannot be read too."""
    return [
        entry.name
        for scope in scopes_in(root)
        for entry in sorted((root / scope).iterdir())
        if RELEASE_ID.fullmatch(entry.name)
    ]


def named(asked: str, ids: Sequence[str]) -> str:
    """Return the id that was meant: whole, or any beginning or end that only one has.

    Raises:
        NotFound: there is none.
        BadInput: there are several.
    """
    if asked in ids:
        return asked
    found = [one for one in ids if asked and (one.startswith(asked) or one.endswith(asked))]
    if not found:
        raise NotFound(f"no release has the id {asked}; see 'trading models list'")
    if len(found) > 1:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        choices = ", ".join(found[:_SHOWN])
        raise BadInput("ID", f"'{asked}' may be {choices}{more}", "say more of it")
    return found[0]


def _answer(change: Change) -> Mapping[str, Any]:
    ruling = change.ruling
    return {
        "scope": change.scope,
        "release_id": change.release_id,
        "aliases": {role.value: release_id for role, release_id in change.aliases.items()},
        "conditions": [] if ruling is None else msgspec.to_builtins(ruling.conditions),
        "unmet": [] if ruling is None else [one.name for one in ruling.unmet],
    }


def _named(error: AnsweredNo) -> TradingError:
    """Give a service's refusal the name and the words it has where there is no service."""
    status = error.document.get("status")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(error.document["detail"])
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:  # nobody said no: it went wrong
        return NotMoved(error.document["detail"])
    return _declined(error.document) if status == HTTPStatus.CONFLICT else error


def _declined(document: Mapping[str, Any]) -> Declined:
    error = Declined(document["detail"], document)
    error.reason = document["reason"]
    return error
