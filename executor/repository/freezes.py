"""Instruments of which nothing more is bought until a person has looked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from executor.tables import frozen_symbols
from shared.db.dialect import insert_once
from shared.db.statements import Prepared, given
from shared.domain.enums import SurpriseKind
from shared.domain.ids import AccountId, Symbol

_ALL = Prepared(
    select(frozen_symbols)
    .where(given(frozen_symbols.c.account))
    .order_by(frozen_symbols.c.symbol, frozen_symbols.c.frozen_at)
)
_THAW = Prepared(
    delete(frozen_symbols).where(given(frozen_symbols.c.account), given(frozen_symbols.c.symbol))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    symbol: Symbol
    kind: SurpriseKind
    detail: str
    frozen_at: datetime


def freeze(connection: Connection, account: AccountId, new: Freeze) -> bool:
    """Keep the instrument frozen; False where it already is for a reason of this kind."""
    row = {
        "account": account,
        "symbol": new.symbol,
        "kind": new.kind,
        "detail": new.detail,
        "frozen_at": new.frozen_at,
    }
    return insert_once(connection, frozen_symbols, [row]) > 0


def thaw(connection: Connection, account: AccountId, symbol: Symbol) -> bool:
    """Return whether it was frozen."""
    return _THAW.run(connection, [{"account": account, "symbol": symbol}]) > 0


def frozen(connection: Connection, account: AccountId) -> list[Freeze]:
    """Return every reason, by instrument, oldest first."""
    return [
        Freeze(
            symbol=Symbol(row.symbol),
            kind=SurpriseKind(row.kind),
            detail=row.detail,
            frozen_at=row.frozen_at,
        )
        for row in _ALL.rows(connection, account=account)
    ]


def reason_frozen(connection: Connection, account: AccountId, symbol: Symbol) -> str | None:
    """Return why an instrument is frozen, or None."""
    reasons = (one.detail for one in frozen(connection, account) if one.symbol == symbol)
    return next(reasons, None)
