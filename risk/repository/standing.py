"""What an account is judged by before anything is counted: one row of limits, state and mark."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from risk.core.funds import NO_FUNDS, Funds, funds_of
from risk.core.limits import RiskLimits
from risk.core.spending import Spending
from risk.tables import risk_book, risk_limits, risk_spending
from shared.bus.codec import from_builtins
from shared.db.control import control
from shared.db.statements import Prepared, given
from shared.domain.enums import TradingState
from shared.domain.events import CashMark
from shared.domain.ids import AccountId
from shared.domain.values import ZERO

_owner = risk_limits.c.account
_STANDING = Prepared(
    select(
        risk_limits.c.limits,
        control.c.state,
        risk_book.c.as_of,
        risk_book.c.equity,
        risk_book.c.cash,
        risk_book.c.peak_equity,
        risk_book.c.day_start_equity,
        risk_book.c.funds,
        risk_spending.c.spending,
    )
    .select_from(
        risk_limits.outerjoin(control, control.c.account == _owner)
        .outerjoin(risk_book, risk_book.c.account == _owner)
        .outerjoin(risk_spending, risk_spending.c.account == _owner)
    )
    .where(given(_owner))
    .order_by(risk_limits.c.version.desc())
    .limit(1)
)


class Mark(NamedTuple):
    """The account as it was marked last; `as_of` is None before the first."""

    as_of: datetime | None = None
    equity: Decimal = ZERO
    cash: Decimal = ZERO
    peak_equity: Decimal = ZERO
    day_start_equity: Decimal = ZERO
    funds: Funds = NO_FUNDS


class Standing(NamedTuple):
    """The limits in force, the trading state, the last mark, and what was spent since."""

    limits: RiskLimits
    state: TradingState
    mark: Mark
    spending: Spending


def find_standing(connection: Connection, account: AccountId) -> Standing | None:
    """Return where the account stands; None before it is opened.

    The look at the state holds nobody up; to act by it, share-lock it instead.
    """
    row = _STANDING.first(connection, account=account)
    if row is None:
        return None
    return Standing(
        limits=from_builtins(row.limits, RiskLimits),
        state=TradingState.HALT if row.state is None else TradingState(row.state),
        mark=Mark() if row.as_of is None else _mark_of(row),
        spending=Spending() if row.spending is None else from_builtins(row.spending, Spending),
    )


def _mark_of(row: Row[Any]) -> Mark:
    funds = NO_FUNDS
    if row.funds:
        funds = funds_of(from_builtins(row.funds, tuple[CashMark, ...]))
    return Mark(row.as_of, row.equity, row.cash, row.peak_equity, row.day_start_equity, funds)
