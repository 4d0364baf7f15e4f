"""Who speaks for a scope, changed by a person: judged, announced and audited, then pointed at.

The facts and the audit are committed first, the alias moves after them. A kill in between leaves a
promise in the audit and the old champion in service, never a champion whom nobody answers for; the
same call again is judged again and moves the alias. A rollback that has moved it finds nothing to
go back to when it is repeated: it never goes back twice.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from models.aliases import SCOPE, Role
from models.artifact import Contents
from models.disk import one_writer
from models.evaluation.promotion import (
    Evidence,
    PromotionRule,
    Ruling,
    permit,
    rule_on,
)
from models.evaluation.sheet import GateVerdict
from models.manifest import EVALUATION, GATE
from models.registry import Registry
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.clock import Clock, SystemClock
from shared.domain.errors import BadInput, NotFound, Refused, TradingError
from shared.domain.events import ModelPromoted
from signal_generator.repository.shadow import shadow_record

_RULE = PromotionRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    base_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What is needed of `evaluation.json`, so that one of an older form will do."""

    skill: _Known


class NothingBefore(Refused):
    """There is no release to go back to."""

    reason = "no_previous"


class NotMoved(TradingError):
    """It was decided and announced, but the file of the aliases could not be written."""

    reason = "alias_not_moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`aliases` are those after it; `ruling` is None where nothing had to be judged."""

    scope: str
    release_id: str
    aliases: Mapping[Role, str]
    ruling: Ruling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotions:
    """`root` is the folder of the registry; `may_override`: a reason may stand in for the gate.

    `wall` tells when a person did it: more than one thing can be done while a candle lasts.
    """

    root: Path
    registry: Registry
    transactions: Transactions
    may_override: bool
    wall: Clock = field(default_factory=SystemClock)

    def ruling(self, release_id: str) -> Ruling:
        """Return what a promotion of the release would be told now.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: it cannot be proven.
        """
        contents = self.registry.verify(release_id)
        champion = self.registry.aliases(contents.manifest.scope).get(Role.CHAMPION)
        return self._judged(contents, champion)

    def prove(self, release_id: str, now: datetime | None = None) -> Contents:
        """Return a release that is what was signed and answers as it promised.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: it cannot be proven, or has expired at `now`.
        """
        contents = self.registry.verify(release_id, now)
        self.registry.load(release_id, now)
        return contents

    def promote(self, release_id: str, actor: str, override: str | None = None) -> Change:
        """Make a release the champion of its scope; one that is champion already stays it.

        Raises:
            NotFound: there is none of this id.
            ArtifactRefused: it cannot be proven, or has expired: no reason overrides that.
            PromotionRefused: a condition is not met and was not overridden.
            NotMoved: the disk is full or away.
        """
        scope = self.registry.find(release_id).manifest.scope
        now = self.transactions.clock.now()
        with one_writer(self.root / scope):  # the next one is judged against this champion
            contents = self.prove(release_id, now)
            champion = self.registry.aliases(scope).get(Role.CHAMPION)
            ruling = None
            if champion != release_id:
                ruling = self._judged(contents, champion)
                permit(ruling, override, may_override=self.may_override)
                roles = {Role.CHAMPION: release_id, Role.PREVIOUS: champion}
                detail = {"scope": scope, **_detail(ruling, champion, override)}
                self._announce(scope, roles, (actor, "model.promoted", release_id, detail))
                with _moving(scope):
                    self.registry.promote(scope, release_id, now)
        return self._change(scope, release_id, ruling)

    def rollback(self, scope: str, actor: str) -> Change:
        """Make the release before the champion of a scope again.

        Raises:
            BadInput: this is no scope.
            NotFound: it has no models.
            NothingBefore: there is nothing to go back to.
            ArtifactRefused: it cannot be proven, or has expired; nothing has changed.
            NotMoved: the disk is full or away.
        """
        if not SCOPE.fullmatch(scope):  # it becomes part of a path
            raise BadInput("scope", f"'{scope}' is none", "say GLOBAL or for example BTC-USDT")
        if not (self.root / scope).is_dir():
            raise NotFound(f"there is no model of {scope}; 'trading train' makes one")
        now = self.transactions.clock.now()
        with one_writer(self.root / scope):
            aliases = self.registry.aliases(scope)
            champion, previous = aliases.get(Role.CHAMPION), aliases.get(Role.PREVIOUS)
            if previous is None:
                raise NothingBefore(f"{scope} has no release to go back to")
            self.prove(previous, now)
            roles = {Role.CHAMPION: previous, Role.RETIRED: champion}
            detail = {"scope": scope, "champion_before": champion}
            self._announce(scope, roles, (actor, "model.rolled_back", previous, detail))
            with _moving(scope):
                self.registry.rollback(scope, now)
        return self._change(scope, previous, None)

    def _judged(self, contents: Contents, champion: str | None) -> Ruling:
        manifest = contents.manifest
        gate = contents.sheet(GATE, GateVerdict) if GATE in contents.files else None
        evaluation = contents.sheet(EVALUATION, _Figures) if EVALUATION in contents.files else None
        with self.transactions.read() as connection:
            about = (connection, manifest.symbols, manifest.release_id)
            record, alone = shadow_record(*about, champion), shadow_record(*about, None)
        evidence = Evidence(
            scope=manifest.scope,
            gate=gate,
            base_rate=None if evaluation is None else evaluation.skill.base_rate,
            champion_id=champion,
            record=record,
            alone=alone,
        )
        return rule_on(evidence, _RULE)

    def _announce(
        self, scope: str, roles: Mapping[Role, str | None], entry: tuple[str, str, str, Any]
    ) -> None:
        """Say who has which role from now on, and keep who wanted it (actor, action, what, why)."""
        at = self.wall.now()

        def work(uow: UnitOfWork) -> None:
            for role, release_id in roles.items():
                if release_id is not None:
                    uow.emit(_fact(scope, role, release_id, at))
            uow.audit(*entry)

        self.transactions.attempt(work)

    def _change(self, scope: str, release_id: str, ruling: Ruling | None) -> Change:
        aliases = self.registry.aliases(scope)
        return Change(scope=scope, release_id=release_id, aliases=aliases, ruling=ruling)


@contextmanager
def _moving(scope: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        why = f"the aliases of {scope} cannot be written: {error.strerror or error}"
        raise NotMoved(f"{why}; nothing has changed, make room and do it again") from error


def _fact(scope: str, role: Role, release_id: str, at: datetime) -> ModelPromoted:
    return ModelPromoted(scope=scope, release_id=release_id, role=role.value, promoted_at=at)


def _detail(ruling: Ruling, champion: str | None, override: str | None) -> dict[str, Any]:
    return {
        "champion_before": champion,
        "override": override,
        "not_met": [{"name": one.name, "value": one.value} for one in ruling.unmet],
    }
