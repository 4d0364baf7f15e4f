"""How much of the market, and of how trading has gone, a book is loaded with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from risk.core.holding import Holding
from risk.core.limits import RiskLimits
from risk.core.market import Markets
from risk.core.reservation import Reservation
from risk.repository.market import load_quotes
from risk.repository.policy import Opening
from shared.domain.ids import Symbol
from shared.domain.recommendation import Recommendation
from shared.domain.values import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`failure_window`: how far back orders count; `entered`: what is to be judged by the book."""

    failure_window: timedelta
    entered: frozenset[Symbol]

    def markets(
        self,
        connection: Connection,
        opening: Opening,
        positions: Iterable[Holding],
        promised: Iterable[Reservation],
    ) -> Markets:
        """Return the market of what is to be entered and of what is at risk already."""
        held = {one.symbol for one in positions if one.quantity > ZERO}
        joined = {one.symbol for one in promised if one.amount > ZERO}
        wanted = self.entered | held | joined
        found = opening.tapes.markets(connection, opening.shelf, wanted)
        if not opening.needs_quotes:
            return found
        return found.quoted(load_quotes(connection, opening.account, wanted))


def view(limits: RiskLimits, proposed: Iterable[Recommendation] = ()) -> View:
    """Return what is to be looked at to judge these recommendations."""
    return View(
        failure_window=timedelta(seconds=limits.failure_window_seconds),
        entered=frozenset(one.symbol for one in proposed if not one.is_reduce_only),
    )
