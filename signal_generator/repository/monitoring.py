"""One look a day at every release in service: what matured, how it stands, and what follows.

It happens in the transaction of a candle and in the candles' own time, so a life that is killed and
started again makes the same judgements as one that is not.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from models.aliases import Role as Alias
from models.manifest import GLOBAL, scope_of
from models.model_set import ModelSet
from models.registry import Registry
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.errors import TradingError
from shared.domain.events import CandlesClosed, ModelPromoted
from shared.domain.ids import Symbol
from shared.runtime.logging import get_logger
from signal_generator.core.health import Health, Remedy, State, day_of, judge, remedy_for
from signal_generator.core.maturing import Role
from signal_generator.core.readings import WINDOW
from signal_generator.core.scoring import ScoringPolicy
from signal_generator.repository.followup import Moment, follow_up
from signal_generator.repository.health import add_healths, newest_healths
from signal_generator.repository.readings import Asked, promise_of, read_drift, read_live

log = get_logger()

Key = tuple[Symbol, str]
Healths = Mapping[Key, Health]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who is asked about a candle, and how each (instrument, release id) stands."""

    models: ModelSet
    healths: Healths


class Monitoring:
    """Keeps the newest judgements in memory; what is committed in the database is the truth."""

    def __init__(
        self,
        registry: Registry,
        policy: ScoringPolicy,
        show: Callable[[Iterable[Health]], None] = lambda _healths: None,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._show = show
        self._committed: dict[Key, Health] = {}
        self._fresh: dict[Key, Health] = {}
        self._uow: UnitOfWork | None = None

    def look(self, moment: Moment) -> Standing:
        """Judge whoever was not judged today, and return how everybody stands."""
        healths = self._healths_in(moment.uow)
        day = day_of(moment.at)

        def unseen(models: ModelSet) -> list[Asked]:
            return [
                one
                for one in _asked(models, moment.fact)
                if one.key not in healths or healths[one.key].day < day
            ]

        models = self._registry.current()
        due = unseen(models)
        if due:
            self._remember(moment, due)
            models = self._registry.current()
            due = unseen(models)
        if due:
            self._judge(moment, models, due)
        return Standing(models=models, healths=healths)

    def _healths_in(self, uow: UnitOfWork) -> Healths:
        """Return what is committed and what this transaction adds; a lost one leaves nothing."""
        if self._uow is not uow:
            self._uow, self._fresh = uow, {}
        return ChainMap(self._fresh, self._committed)

    def _remember(self, moment: Moment, due: Sequence[Asked]) -> None:
        """Take over what is stored, and finish what a life before this one left undone."""
        stored = newest_healths(moment.uow.connection, {one.symbol for one in due})
        self._keep(moment.uow, stored)
        self._carry_out(one for one in stored if one.day >= day_of(moment.at))

    def _judge(self, moment: Moment, models: ModelSet, due: Sequence[Asked]) -> None:
        healths = self._healths_in(moment.uow)
        follow_up(moment, {one.symbol for one in due}, _since(healths, due), self._policy)
        judged: list[Health] = []
        for one in due:
            health = self._health(moment, one)
            if health.is_red:
                health = self._with_remedy(health, models, moment)
            judged.append(health)
        add_healths(moment.uow.connection, judged)
        self._keep(moment.uow, judged)
        moment.uow.after_commit(lambda: self._carry_out(judged))

    def _health(self, moment: Moment, asked: Asked) -> Health:
        promise = promise_of(asked.model, self._policy.retrain_days)
        return judge(
            (asked.symbol, asked.model.release_id, asked.role),
            moment.at,
            promise,
            (read_drift(moment, asked), read_live(moment, asked, promise)),
            self._healths_in(moment.uow).get(asked.key),
        )

    def _with_remedy(self, health: Health, models: ModelSet, moment: Moment) -> Health:
        scope, red = scope_of(health.symbol), self._red_ones(health.symbol)
        own, pooled = models.models.get(scope), models.models.get(GLOBAL)
        previous = None
        with suppress(TradingError, OSError):
            previous = self._registry.aliases(scope).get(Alias.PREVIOUS)
        remedy = remedy_for(
            health,
            WINDOW * moment.step,
            is_pooled=own is None or own.release_id != health.release_id,
            has_previous=previous is not None and previous not in red,
            has_pooled=pooled is not None and pooled.release_id not in red,
        )
        changes: dict[Alias, str | None] = {}
        if remedy is Remedy.ROLLBACK:
            changes[Alias.CHAMPION] = previous
        if remedy in (Remedy.ROLLBACK, Remedy.RETIRE):
            changes[Alias.RETIRED] = health.release_id
        for role, release_id in changes.items():
            moment.uow.emit(
                ModelPromoted(
                    scope=scope,
                    release_id=release_id or "",
                    role=role.value,
                    promoted_at=health.judged_at,
                )
            )
        return replace(health, remedy=remedy)

    def _red_ones(self, symbol: Symbol) -> set[str]:
        known = ChainMap(self._fresh, self._committed).values()
        return {one.release_id for one in known if one.symbol == symbol and one.is_red}

    def _carry_out(self, healths: Iterable[Health]) -> None:
        """Move the aliases that judgements ask for; once moved, nothing more is done."""
        for health in healths:
            scope = scope_of(health.symbol)
            if health.remedy not in (Remedy.ROLLBACK, Remedy.RETIRE):
                continue
            try:
                if self._registry.aliases(scope).get(Alias.CHAMPION) == health.release_id:
                    self._move(scope, health)
                self._registry.refresh(health.judged_at)
            except (TradingError, OSError) as error:  # refused as red it stays; tomorrow again
                log.warning("models.not_moved", scope=scope, remedy=health.remedy, error=str(error))

    def _move(self, scope: str, health: Health) -> None:
        if health.remedy is Remedy.ROLLBACK:
            self._registry.rollback(scope, health.judged_at)
        else:
            self._registry.retire(scope)
        log.warning(
            "models.taken_back",
            scope=scope,
            release_id=health.release_id,
            monitors=[alarm.monitor.value for alarm in health.alarms if alarm.state is State.RED],
        )

    def _keep(self, uow: UnitOfWork, healths: Sequence[Health]) -> None:
        fresh = {(one.symbol, one.release_id): one for one in healths}
        self._fresh.update(fresh)

        def committed() -> None:
            self._committed.update(fresh)
            self._show(fresh.values())

        uow.after_commit(committed)


def _asked(models: ModelSet, fact: CandlesClosed) -> list[Asked]:
    found: dict[Key, Asked] = {}
    for symbol in sorted(candle.symbol for candle in fact.candles):
        roles = {
            Role.CHAMPION: models.model_for(symbol),
            Role.SHADOW: models.shadow_for(symbol),
        }
        for role, model in roles.items():
            if model is not None:
                one = Asked(symbol=symbol, model=model, role=role)
                found.setdefault(one.key, one)
    return list(found.values())


def _since(healths: Healths, due: Sequence[Asked]) -> datetime | None:
    """Return when signals of all these instruments had been followed up, None if one never was."""
    last: dict[Symbol, datetime] = {}
    for (symbol, _), health in healths.items():
        last[symbol] = max(health.judged_at, last.get(symbol, health.judged_at))
    symbols = {one.symbol for one in due}
    return min(last[symbol] for symbol in symbols) if symbols <= last.keys() else None
