"""Writes down what keys were used for: `last_used_at`, and the deeds the audit tells."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, or_, update

from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.statements import Prepared
from shared.http.keys import api_keys
from shared.http.uses import Use

_USED = Prepared(
    update(api_keys)
    .values(last_used_at=bindparam("minute"))
    .where(
        api_keys.c.key_id == bindparam("identity"),
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("minute")),
    )
)


def writing(transactions: Transactions) -> Callable[[Sequence[Use]], None]:
    """Return what writes uses into the chain of the service these transactions are of."""

    def write(uses: Sequence[Use]) -> None:
        transactions.attempt(lambda uow: _write(uow, uses))

    return write


def _write(uow: UnitOfWork, uses: Sequence[Use]) -> None:
    latest = {
        one.principal.key_id: one.at.replace(second=0, microsecond=0)
        for one in sorted(uses, key=lambda one: one.at)
        if one.principal.key_id
    }
    for key_id in sorted(latest):  # in one order everywhere: no two writers wait for each other
        _USED.run(uow.connection, [{"identity": key_id, "minute": latest[key_id]}])
    for one in uses:
        if one.is_deed:
            detail = {
                "key_id": one.principal.key_id or one.principal.name,
                "status": one.status,
                "used_at": one.at,
            }
            uow.audit(one.principal.name, "key.used", one.subject, detail)
