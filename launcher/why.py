"""`trading why SYMBOL`: the latest decision about an instrument as a short story."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Row, select

from executor.repository.freezes import reason_frozen
from executor.repository.lists import fills_of
from executor.tables import orders
from launcher.console import out, print_json
from launcher.options import AsJson
from launcher.why_story import Cap, Fate, Known, Standing, story
from portfolio.tables import positions
from recommender.tables import trade_recommendations
from risk.core.usage import Scope
from risk.repository.decisions import DecisionFilter, Outcome, find_decisions
from risk.repository.policy import find_state
from risk.tables import exposure_counters, symbol_locks
from shared.bus.codec import from_builtins
from shared.bus.history import last_instant
from shared.db.engine import READ_ONLY, connect
from shared.domain.clock import EPOCH
from shared.domain.enums import TradingState
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import split_symbol
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Signal
from shared.domain.values import MONEY, ZERO
from shared.domain.verdict import Approved, Denied
from shared.runtime.settings import PlatformSettings, load
from signal_generator.repository.predictions import latest_scored
from signals.repository.opinions import latest_signals

_ORDER = tuple(Scope)

Instrument = Annotated[str, typer.Argument(help="The instrument, as BTC-USDT.")]


def why(symbol: Instrument, as_json: AsJson = False) -> None:
    """Tell why an instrument was last traded, or was not: belief, size, caps, verdict, order."""
    settings = load(PlatformSettings)
    known = look(settings, symbol)
    lines = story(known)
    if as_json:
        print_json({"symbol": known.symbol, "story": lines, "known": known})
        return
    for number, line in enumerate(lines):
        out.print(line, style="bold" if number == 0 else None, markup=False, soft_wrap=True)


def look(settings: PlatformSettings, text: str) -> Known:
    """Read everything that is known about an instrument lately.

    Raises:
        BadInput: it is not traded here.
    """
    symbol = Symbol(text.upper())
    if symbol not in settings.market.symbols:
        named = ", ".join(settings.market.symbols)
        raise BadInput("SYMBOL", f"'{text}' is not traded here", f"choose one of {named}")
    engine = connect(settings.database())
    try:
        with engine.execution_options(**{READ_ONLY: True}).connect() as connection:
            return _Looking(connection, settings, symbol).known()
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class _Looking:
    connection: Connection
    settings: PlatformSettings
    symbol: Symbol

    @property
    def account(self) -> AccountId:
        return self.settings.account

    def known(self) -> Known:
        wanted = DecisionFilter(account=self.account, symbol=self.symbol)
        row = next(iter(find_decisions(self.connection, wanted, 1)), None)
        lately = Known(
            symbol=self.symbol,
            standing=self._standing(),
            signals=self._signals(),
            looked_at=last_instant(self.connection),
        )
        if row is None:
            return lately
        kind = Approved if row.verdict == Outcome.APPROVED else Denied
        recommendation = self._recommendation(row.recommendation_id)
        return replace(
            lately,
            verdict=from_builtins(row.payload, kind),
            recommendation=recommendation,
            caps=self._caps(recommendation),
            fate=self._fate(row.decision_id),
        )

    def _signals(self) -> Sequence[Signal]:
        said = latest_signals(self.connection, [self.symbol])
        scored = latest_scored(self.connection, self.symbol)
        model = () if scored is None else (scored.signal,)
        by_source = {one.source: one for one in (*said, *model)}
        return [by_source[name] for name in sorted(by_source)]

    def _recommendation(self, identity: str) -> Recommendation | None:
        table = trade_recommendations.c
        statement = select(table.payload).where(table.recommendation_id == identity)
        payload = self.connection.execute(statement).scalar()
        return None if payload is None else from_builtins(payload, Recommendation)

    def _caps(self, recommendation: Recommendation | None) -> Sequence[Cap]:
        """Return what may still be held of each kind; of the daily counts the newest."""
        names = {
            Scope.TOTAL: "",
            Scope.DAY_LOSS: "",
            Scope.SYMBOL: self.symbol,
            Scope.ASSET: split_symbol(self.symbol)[0],
            Scope.SOURCE: "" if recommendation is None else recommendation.source,
            Scope.CLUSTER: self.symbol,
            Scope.VENUE: self.settings.market.venue,
        }
        statement = select(exposure_counters).where(exposure_counters.c.account == self.account)
        rows = self.connection.execute(statement).all()
        days = [row.scope_key for row in rows if row.scope_kind == Scope.TRADES_PER_DAY]
        names[Scope.TRADES_PER_DAY] = max(days, default="")
        kept = [row for row in rows if names.get(row.scope_kind) == row.scope_key]
        return [_cap(row) for row in sorted(kept, key=lambda row: _ORDER.index(row.scope_kind))]

    def _fate(self, decision: str) -> Fate | None:
        statement = select(orders).where(orders.c.decision_id == decision)
        order = self.connection.execute(statement).one_or_none()
        if order is None:
            return None
        filled = fills_of(self.connection, order.client_order_id)
        return Fate(
            client_order_id=order.client_order_id,
            venue=order.venue,
            status=order.status,
            filled=order.filled_quantity,
            average_price=_average(filled),
            fees=_fees(filled),
            detail=order.detail,
        )

    def _standing(self) -> Standing:
        frozen = reason_frozen(self.connection, self.account, self.symbol)
        statement = select(positions.c.quantity).where(
            positions.c.account == self.account, positions.c.symbol == self.symbol
        )
        return Standing(
            state=self._state(),
            lock=self._lock(),
            freeze=None if frozen is None else f"Frozen, not bought until you say so: {frozen}.",
            held=self.connection.execute(statement).scalar(),
        )

    def _state(self) -> str | None:
        row = find_state(self.connection, self.account)
        if row is None:
            return "Trading was never allowed here: no state is stored, which means halt."
        if row.state == TradingState.RUN:
            return None
        since = f"since {row.changed_at:%Y-%m-%d %H:%M} UTC"
        return f"Trading is at {row.state} {since}, by {row.actor}: {row.reason}."

    def _lock(self) -> str | None:
        statement = select(symbol_locks).where(
            symbol_locks.c.account == self.account, symbol_locks.c.symbol == self.symbol
        )
        row = self.connection.execute(statement).one_or_none()
        now = last_instant(self.connection) or EPOCH
        if row is None or not _holds(row.expires_at, now):
            return None
        until = "" if row.expires_at is None else f" until {row.expires_at:%Y-%m-%d %H:%M} UTC"
        return f"Locked against entries{until} by {row.actor}: {row.reason}."


def _cap(row: Row[Any]) -> Cap:
    used = MONEY.add(MONEY.add(row.reserved, row.position), row.external)
    return Cap(scope=row.scope_kind, key=row.scope_key, cap=row.cap, used=used)


def _holds(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is None or expires_at > now


def _average(filled: Sequence[Row[Any]]) -> Decimal | None:
    quantity = sum((row.quantity for row in filled), ZERO)
    if not quantity:
        return None
    return MONEY.divide(sum((row.quantity * row.price for row in filled), ZERO), quantity)


def _fees(filled: Sequence[Row[Any]]) -> list[tuple[Decimal, str]]:
    assets = sorted({row.fee_asset for row in filled})
    return [
        (sum((row.fee for row in filled if row.fee_asset == asset), ZERO), asset)
        for asset in assets
    ]
