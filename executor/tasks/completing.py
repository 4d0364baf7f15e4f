"""Closes of candles up to which the account is declared complete: the portfolio marks on them."""

from datetime import datetime

from executor.repository import account
from executor.tasks.line import Line
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import AccountReconciled


def is_due(line: Line) -> bool:
    with line.transactions.read() as connection:
        return bool(account.due(connection, line.account))


def declare(line: Line, asked_at: datetime) -> None:
    """Say that everything up to `asked_at`, when the venue was asked for fills, is written down."""

    def work(uow: UnitOfWork) -> None:
        for shard, as_of in account.due(uow.connection, line.account):
            if as_of <= asked_at:
                fact = AccountReconciled(
                    account=line.account, venue=line.venue.name, as_of=as_of, shard=shard
                )
                uow.emit(fact)
                account.done(uow.connection, line.account, shard, as_of)

    line.transactions.attempt(work)
