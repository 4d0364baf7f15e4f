"""What a red state leads to: said with the judgement, done to the aliases once that stands."""

from collections.abc import Iterable
from datetime import datetime

from models.aliases import Role
from models.manifest import scope_of
from models.registry import Registry
from shared.domain.enums import AlarmKind
from shared.domain.errors import TradingError
from shared.domain.events import ModelPromoted, TradingAlarmed
from shared.domain.ids import AccountId
from shared.runtime.logging import get_logger
from signal_generator.core.alarms import State
from signal_generator.core.health import Health, Remedy, has_proof
from signal_generator.core.maturing import Role as Part
from signal_generator.repository.followup import Moment

_ACTOR = "monitoring"

log = get_logger()


def is_champion(registry: Registry, scope: str, release_id: str) -> bool:
    """Tell whether the alias points to a release; who only stands in for another has none."""
    try:
        return registry.aliases(scope).get(Role.CHAMPION) == release_id
    except (TradingError, OSError):
        return False


def release_before(registry: Registry, scope: str, now: datetime) -> str | None:
    """Return the release that a rollback would bring back, None if there is none that can speak."""
    try:
        previous = registry.aliases(scope).get(Role.PREVIOUS)
        if previous is not None:
            registry.load(previous, now)
    except (TradingError, OSError):
        return None
    return previous


def announce(moment: Moment, health: Health, previous: str | None) -> None:
    """Say who has which role from now on, and why, in the transaction of the judgement."""
    roles: dict[Role, str] = {}
    if health.remedy is Remedy.ROLLBACK and previous is not None:
        roles[Role.CHAMPION] = previous
    if health.remedy in (Remedy.ROLLBACK, Remedy.RETIRE):
        roles[Role.RETIRED] = health.release_id
    if not roles:
        return
    scope, uow = scope_of(health.symbol), moment.uow
    uow.caused_by(moment.envelope)
    for role, release_id in roles.items():
        uow.emit(
            ModelPromoted(
                scope=scope, release_id=release_id, role=role.value, promoted_at=health.judged_at
            )
        )
    detail = {"scope": scope, "champion": roles.get(Role.CHAMPION), "alarms": health.alarms}
    action = f"model.{health.remedy}"
    uow.audit(_ACTOR, action, health.release_id, detail)


def warn(moment: Moment, health: Health, account: AccountId) -> None:
    """Tell risk of a model in use that is red beyond doubt, again with every such judgement.

    Red on one day is often an accident: the model is silent then, and nothing more.
    """
    if health.role is not Part.CHAMPION or not has_proof(health, moment.step):
        return
    moment.uow.caused_by(moment.envelope)
    moment.uow.emit(
        TradingAlarmed(
            account=account,
            kind=AlarmKind.DRIFT,
            subject=health.symbol,
            detail=f"{health.release_id} is judged red: {', '.join(_red_monitors(health))}",
            raised_at=health.judged_at,
        )
    )


def carry_out(registry: Registry, healths: Iterable[Health]) -> bool:
    """Move the aliases that judgements ask for, and tell whether any was to be moved.

    Doing it again does nothing: only the release that was judged is taken back. Where it cannot be
    done that release stays refused as red, and is judged again the next day.
    """
    asked = [one for one in healths if one.remedy in (Remedy.ROLLBACK, Remedy.RETIRE)]
    for health in asked:
        scope = scope_of(health.symbol)
        try:
            if is_champion(registry, scope, health.release_id):
                _take_back(registry, scope, health)
        except (TradingError, OSError) as error:
            log.warning("models.not_moved", scope=scope, remedy=health.remedy, error=str(error))
    return bool(asked)


def _take_back(registry: Registry, scope: str, health: Health) -> None:
    if health.remedy is Remedy.ROLLBACK:
        registry.rollback(scope, health.judged_at, champion=health.release_id)
    else:
        registry.retire(scope, champion=health.release_id)
    red = _red_monitors(health)
    log.warning("models.taken_back", scope=scope, release_id=health.release_id, monitors=red)


def _red_monitors(health: Health) -> list[str]:
    return [alarm.monitor.value for alarm in health.alarms if alarm.state is State.RED]
