"""The trading state of each account: risk writes it, every claim share-locks it.

A share lock held by each claim until its commit is what makes the halt exact: the halting UPDATE
waits for claims in flight, and no claim commits after it returns.
"""

from sqlalchemy import BigInteger, Column, Connection, Table, select

from shared.db.base import TRANSACTIONS, metadata
from shared.db.dialect import for_update
from shared.db.statements import Prepared, given
from shared.db.types import Instant, Word
from shared.domain.enums import TradingState
from shared.domain.ids import AccountId

control = Table(
    "control",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("state", Word(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("actor", Word(64), nullable=False),
    Column("reason", Word(255), nullable=False),
    Column("changed_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

_SHARED_STATE = Prepared(
    for_update(select(control.c.state).where(given(control.c.account)), read=True)
)
_RUNNING = Prepared(
    select(control.c.version).where(given(control.c.account), control.c.state == TradingState.RUN)
)


def lock_trading_state(connection: Connection, account: AccountId) -> TradingState:
    """Return the state under a share lock held to the end of the transaction; no row means HALT."""
    state = _SHARED_STATE.value(connection, account=account)
    return TradingState.HALT if state is None else TradingState(state)


def running_version(connection: Connection, account: AccountId) -> int | None:
    """Return the version of the state where it is RUN, else None; nobody is held up by the look."""
    return _RUNNING.value(connection, account=account)
