"""What fills took of the cash since it was last marked."""

from collections.abc import Callable

from sqlalchemy import Connection, select

from risk.core.spending import Spending
from risk.tables import risk_spending
from shared.bus.codec import from_builtins
from shared.db.dialect import upsert
from shared.db.statements import Prepared, given
from shared.domain.ids import AccountId

_SPENDING = Prepared(select(risk_spending.c.spending).where(given(risk_spending.c.account)))


def load_spending(connection: Connection, account: AccountId) -> Spending:
    found = _SPENDING.value(connection, account=account)
    return Spending() if found is None else from_builtins(found, Spending)


def change_spending(
    connection: Connection, account: AccountId, change: Callable[[Spending], Spending]
) -> None:
    """Write down what a change makes of it, under the account's lock."""
    before = load_spending(connection, account)
    after = change(before)
    if after != before:
        row = {"account": account, "spending": after}
        upsert(connection, risk_spending, [row], key=("account",))
