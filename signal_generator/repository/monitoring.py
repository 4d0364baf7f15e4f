"""One look a day at every release in service: what matured, how it stands, and what follows.

The first shard of instruments takes its look at the first candle of the day, the next at the next:
all at one candle would hold it up for seconds.

It happens in the transaction of a candle and in the candles' own time, so a life that is killed and
started again makes the same judgements as one that is not.
"""

from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from models.manifest import GLOBAL, scope_of
from models.registry import Registry
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.ids import AccountId, Symbol
from shared.runtime.metrics import Metrics
from signal_generator.core.asking import Models
from signal_generator.core.health import Health, Healths, day_of, judge, remedy_for
from signal_generator.core.scoring import ScoringPolicy
from signal_generator.repository.followup import (
    CANDLES_BETWEEN,
    Moment,
    follow_up,
    is_halt,
    turn_of,
)
from signal_generator.repository.health import add_healths, newest_healths
from signal_generator.repository.readings import (
    Asked,
    asked_about,
    promise_of,
    read_drift,
    read_live,
)
from signal_generator.repository.remedies import (
    announce,
    carry_out,
    is_champion,
    release_before,
    warn,
)
from signal_generator.repository.shown import show

Key = tuple[Symbol, str]


class Monitoring:
    """Keeps the newest judgements in memory; what is committed in the database is the truth.

    `account` is warned of who is red beyond doubt; `refresh` makes moved aliases take effect at
    once.
    """

    def __init__(
        self,
        account: AccountId,
        registry: Registry,
        policy: ScoringPolicy,
        metrics: Metrics,
        refresh: Callable[[], object],
    ) -> None:
        self._account = account
        self._registry = registry
        self._policy = policy
        self._metrics = metrics
        self._refresh = refresh
        self._committed: dict[Key, Health] = {}
        self._fresh: dict[Key, Health] = {}
        self._known: set[Symbol] = set()
        self._uow: UnitOfWork | None = None

    def recall(self, moment: Moment) -> None:
        """Take over what a life before this one judged, and finish what it left undone.

        To be called before it is settled which models answer about the candle.
        """
        symbols = {candle.symbol for candle in moment.fact.candles}
        if symbols <= self._known:
            return
        self._take_over(moment, symbols)
        moment.uow.after_commit(lambda: self._known.update(symbols))

    def look(self, moment: Moment, models: Models, store: Callable[[], None]) -> Healths:
        """Judge whoever was not judged today, and return how everybody stands.

        `store` is called before: judgements are made of what is in the database, all of it. Between
        two judgements signals are only followed up, a few candles' worth at a time: a day of short
        candles at once would hold up the first candle of the next for many seconds.
        """
        healths = self._healths_in(moment.uow)
        if self._unseen(moment, models):
            store()
            self._take_over(moment, {candle.symbol for candle in moment.fact.candles})
            due = self._unseen(moment, models)
            if due:
                self._judge(moment, due)
        elif is_halt(moment):
            store()
            symbols = {candle.symbol for candle in moment.fact.candles}
            since = moment.at - CANDLES_BETWEEN * moment.step
            follow_up(moment, symbols, since, self._policy)
        return healths

    def _unseen(self, moment: Moment, models: Models) -> list[Asked]:
        healths, day = self._healths_in(moment.uow), day_of(moment.at)
        is_turn = moment.at >= day + turn_of(moment)
        return [
            one
            for one in asked_about(moment.fact, models)
            if one.key not in healths or (is_turn and healths[one.key].day < day)
        ]

    def _healths_in(self, uow: UnitOfWork) -> Healths:
        """Return what is committed and what this transaction adds; a lost one leaves nothing."""
        if self._uow is not uow:
            self._uow, self._fresh = uow, {}
        return ChainMap(self._fresh, self._committed)

    def _take_over(self, moment: Moment, symbols: Collection[Symbol]) -> None:
        self._healths_in(moment.uow)
        stored = newest_healths(moment.uow.connection, symbols)
        self._keep(moment.uow, stored)
        self._carry_out(one for one in stored if one.day >= day_of(moment.at))

    def _judge(self, moment: Moment, due: Sequence[Asked]) -> None:
        healths = self._healths_in(moment.uow)
        follow_up(moment, {one.symbol for one in due}, _since(healths, due), self._policy)
        judged = [self._with_remedy(self._health(moment, one), one, moment) for one in due]
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

    def _with_remedy(self, health: Health, asked: Asked, moment: Moment) -> Health:
        if not health.is_red:
            return health
        scope, red = scope_of(health.symbol), self._red_ones(health.symbol)
        pooled = self._registry.champions().get(GLOBAL)
        previous = release_before(self._registry, scope, moment.at)
        may_move = is_champion(self._registry, scope, health.release_id)
        remedy = remedy_for(
            health,
            moment.step,
            is_pooled=asked.model.is_global or not may_move,
            has_previous=previous is not None and previous not in red,
            has_pooled=pooled is not None and pooled.release_id not in red,
        )
        judged = replace(health, remedy=remedy)
        announce(moment, judged, previous)
        warn(moment, judged, self._account)
        return judged

    def _red_ones(self, symbol: Symbol) -> set[str]:
        known = ChainMap(self._fresh, self._committed).values()
        return {one.release_id for one in known if one.symbol == symbol and one.is_red}

    def _carry_out(self, healths: Iterable[Health]) -> None:
        if carry_out(self._registry, healths):
            self._refresh()

    def _keep(self, uow: UnitOfWork, healths: Sequence[Health]) -> None:
        fresh = {(one.symbol, one.release_id): one for one in healths}
        self._fresh.update(fresh)

        def committed() -> None:
            self._committed.update(fresh)
            show(self._metrics, fresh.values())

        uow.after_commit(committed)


def _since(healths: Healths, due: Sequence[Asked]) -> datetime | None:
    """Return when signals of all these instruments had been followed up, None if one never was."""
    last: dict[Symbol, datetime] = {}
    for (symbol, _), health in healths.items():
        last[symbol] = max(health.judged_at, last.get(symbol, health.judged_at))
    symbols = {one.symbol for one in due}
    return min(last[symbol] for symbol in symbols) if symbols <= last.keys() else None
