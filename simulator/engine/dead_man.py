"""The dead-man switch: an account that stops calling loses its resting orders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.ids import Symbol
from simulator.engine.desk import Desk
from simulator.engine.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    deadline: datetime
    symbols: frozenset[Symbol]


@dataclass(slots=True)
class DeadMen:
    """One watch per account, as the venues have it: the newest call counts."""

    _watches: dict[str, _Watch] = field(default_factory=dict[str, _Watch])

    @property
    def are_any(self) -> bool:
        return bool(self._watches)

    def arm(self, account: str, symbols: Sequence[Symbol], at: datetime, seconds: float) -> None:
        if seconds <= 0:
            self._watches.pop(account, None)
            return
        deadline = at + timedelta(seconds=seconds)
        self._watches[account] = _Watch(deadline=deadline, symbols=frozenset(symbols))

    def deadlines(self) -> Iterator[datetime]:
        return (watch.deadline for watch in self._watches.values())

    def strike(self, desk: Desk, at: datetime) -> None:
        """Cancel what is on the symbols of every watch whose time is up (all where none named)."""
        for account, watch in list(self._watches.items()):
            if watch.deadline > at:
                continue
            del self._watches[account]
            for order in list(desk.open.values()):
                is_watched = not watch.symbols or order.asked.symbol in watch.symbols
                if order.asked.account == account and is_watched:
                    desk.end(order, State.CANCELED, at)
