"""Compares what the account holds with what it began with and what our fills did to it."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import RLock
from typing import Any

from executor.core.accounting import Moved, assets_of, compare_balances, drifts, quotes_of
from executor.core.reconciliation import Difference, DifferenceKind
from executor.repository import account, requests
from executor.repository.account import Baseline
from executor.tasks import explaining
from executor.tasks.line import Line
from shared.domain.clock import EPOCH
from shared.domain.enums import OrderStatus, SurpriseKind
from shared.domain.errors import BadInput
from shared.domain.instrument import split_symbol
from shared.domain.values import ZERO
from shared.http.idempotency import Asked
from shared.runtime.logging import get_logger

log = get_logger()

_OVERLAP = timedelta(minutes=5)
_ROUNDED_EVERY = timedelta(days=1)
_QUIET = timedelta(seconds=5)
_LOOKS = 3
_LOOK_AGAIN_SECONDS = 1.0
_IN_FLIGHT = frozenset(
    {
        OrderStatus.SENDING,
        OrderStatus.UNKNOWN,
        OrderStatus.FILLS_MISSING,
        OrderStatus.CONFLICT,
    }
)


@dataclass(slots=True)
class _Known:
    """`agreed_at`: when a quote was last looked at and the same to the last digit."""

    moved: Moved = field(default_factory=Moved)
    until: datetime = EPOCH
    suspected: frozenset[str] = frozenset()
    drifts: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    agreed_at: dict[str, datetime] = field(default_factory=dict[str, datetime])


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """Compared every so often and whenever a person asks: one at a time, or fills count twice."""

    line: Line
    _known: _Known = field(default_factory=_Known)
    _turn: AbstractContextManager[Any] = field(default_factory=RLock)

    def compare(self) -> tuple[Difference, ...]:
        """Compare once; an asset that differs twice in a row is one the books cannot explain."""
        with self._turn:
            return self._compare()

    def _compare(self) -> tuple[Difference, ...]:
        line = self.line
        looked_at = line.board.clock.now()
        theirs = {one.asset: one.total for one in line.venue.balances()}
        with line.transactions.read() as connection:
            known = account.baselines(connection, line.venue.name, line.account)
        self._count_fills()
        baselines = {asset: one.amount for asset, one in known.items()}
        unknown = assets_of(line.symbols) - baselines.keys()
        if unknown:
            baselines |= self._begin(unknown, theirs)
        allowed = self._allowed(known)
        found = compare_balances(baselines, self._known.moved, theirs, allowed)
        moving = self._moving()
        settled = [one for one in found if one.subject not in moving]
        still = {asset: most for asset, most in allowed.items() if asset not in moving}
        self._round_off(drifts(baselines, self._known.moved, theirs, still), known, looked_at)
        differing = frozenset(one.subject for one in settled)
        certain = tuple(one for one in settled if one.subject in self._known.suspected)
        self._known.suspected = differing
        self._show(certain)
        return certain

    def settle(self, refresh: Callable[[], None]) -> tuple[Difference, ...]:
        """Compare until two looks say the same: a snapshot may be a moment old.

        `refresh` books what the venue has executed meanwhile.
        """
        for _ in range(_LOOKS):
            certain = self.compare()
            if certain or not self._known.suspected:
                return certain
            time.sleep(_LOOK_AGAIN_SECONDS)
            refresh()
        return ()

    def accept(self, asset: str, asked: Asked) -> Decimal:
        """Take what the venue holds of an asset for right, and return the new baseline.

        Raises:
            BadInput: trading here does not move this asset.
            Conflict: something that was declared of it has not been heard yet.
            IdempotencyConflict: the key was used for another request.
        """
        line = self.line
        if asset not in assets_of(line.symbols):
            known = ", ".join(sorted(assets_of(line.symbols)))
            raise BadInput("asset", f"'{asset}' is not traded here", f"one of {known}")
        with self._turn:
            looked_at = line.board.clock.now()
            with line.transactions.read() as connection:
                known = account.baselines(connection, line.venue.name, line.account).get(asset)
            theirs = {one.asset: one.total for one in line.venue.balances()}
            self._count_fills()
            amount = theirs.get(asset, ZERO) - self._known.moved.amounts.get(asset, ZERO)
            seen = Baseline(asset=asset, amount=amount, rounded_at=looked_at)
            accepted = explaining.accept(line, known, seen, asked)
        self.compare()
        return accepted

    def _begin(self, assets: frozenset[str], theirs: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Take what is found of assets seen for the first time for what the account began with."""
        began = {
            asset: theirs.get(asset, ZERO) - self._known.moved.amounts.get(asset, ZERO)
            for asset in assets
        }
        return explaining.begin(self.line, began)

    def _allowed(self, known: Mapping[str, Baseline]) -> dict[str, Decimal]:
        """Return what a venue's rounding may have come to since books and venue last agreed."""
        allowed: dict[str, Decimal] = {}
        for asset in quotes_of(self.line.symbols):
            explained_at = known[asset].rounded_at if asset in known else None
            told = [at for at in (explained_at, self._known.agreed_at.get(asset)) if at is not None]
            allowed[asset] = self._known.moved.allowance(asset, max(told, default=None))
        return allowed

    def _round_off(
        self, found: Mapping[str, Decimal], known: Mapping[str, Baseline], looked_at: datetime
    ) -> None:
        """Book what rounding has come to, once it is the same twice in a row."""
        before, self._known.drifts = self._known.drifts, dict(found)
        for asset, drift in found.items():
            if not drift:
                self._known.agreed_at[asset] = looked_at
            elif before.get(asset) == drift and _is_due(known.get(asset), looked_at):
                explaining.round_off(self.line, asset, drift, looked_at)

    def _count_fills(self) -> None:
        line = self.line
        now = line.board.clock.now()
        if now - _OVERLAP < self._known.until:  # the clock was set back: count anew
            self._known.moved, self._known.until = Moved(), EPOCH
        with line.transactions.read() as connection:
            new = account.fills_recorded(
                connection, (line.venue.name, line.account), self._known.until
            )
        self._known.moved.add(new)
        self._known.until = now - _OVERLAP

    def _moving(self) -> frozenset[str]:
        """Return the assets of which something is on the way, or was a moment ago."""
        line = self.line
        since = line.board.clock.now() - _QUIET
        with line.transactions.read() as connection:
            working = requests.working(connection, line.account)
            touched = requests.touched(connection, line.account, since)
        unsettled = [one for one in working if one.status in _IN_FLIGHT] + touched
        return frozenset(asset for one in unsettled for asset in split_symbol(one.order.symbol))

    def _show(self, differences: tuple[Difference, ...]) -> None:
        line = self.line
        gauge = line.metrics.reconciliation_divergence
        gauge.labels(venue=line.venue.name, kind=DifferenceKind.BALANCE).set(len(differences))
        quotes = quotes_of(line.symbols)
        of_quote = [one for one in differences if one.subject in quotes]
        was, line.board.mismatch = line.board.mismatch, _words(of_quote[0]) if of_quote else None
        if line.board.mismatch is not None and was is None:
            self._tell_of_money(line.board.mismatch)
        self._freeze([one for one in differences if one.subject not in quotes])
        if differences:
            log.error("balances.differ", differences=[_words(one) for one in differences])
            return
        last = line.metrics.reconciliation_last_success_timestamp_seconds
        last.set(line.board.clock.now().timestamp())

    def _tell_of_money(self, words: str) -> None:
        """Have risk stop entries: all instruments are paid with it, the first stands for them."""
        line = self.line
        symbol, kind = line.symbols[0], SurpriseKind.BALANCE
        line.transactions.attempt(lambda uow: line.journal.tell(uow, symbol, kind, words))

    def _freeze(self, differences: list[Difference]) -> None:
        line = self.line
        for one in differences:
            for symbol in line.symbols:
                if split_symbol(symbol)[0] == one.subject:
                    line.transactions.attempt(
                        lambda uow, symbol=symbol, one=one: line.journal.surprise(
                            uow, symbol, SurpriseKind.BALANCE, _words(one)
                        )
                    )


def _is_due(known: Baseline | None, now: datetime) -> bool:
    last = None if known is None else known.rounded_at
    return last is None or now - last >= _ROUNDED_EVERY


def _words(one: Difference) -> str:
    return f"the venue holds {one.venue} {one.subject}, the books explain {one.ours}"
