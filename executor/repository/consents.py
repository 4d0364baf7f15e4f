"""A person's word that an account may trade real money; one per account, and it ends by itself."""

from sqlalchemy import Connection, delete, select

from executor.core.gate import Consent
from executor.tables import live_consents
from shared.db.dialect import upsert
from shared.db.statements import Prepared, given
from shared.domain.ids import AccountId

_ONE = Prepared(select(live_consents).where(given(live_consents.c.account)))
_WITHDRAW = Prepared(delete(live_consents).where(given(live_consents.c.account)))


def give_consent(connection: Connection, account: AccountId, consent: Consent) -> None:
    """Write it, in the place of an older one."""
    row = {
        "account": account,
        "fingerprint": consent.fingerprint,
        "actor": consent.actor,
        "given_at": consent.given_at,
        "ends_at": consent.ends_at,
    }
    upsert(connection, live_consents, [row], key=("account",))


def withdraw_consent(connection: Connection, account: AccountId) -> bool:
    """Return whether there was one."""
    return _WITHDRAW.run(connection, [{"account": account}]) > 0


def find_consent(connection: Connection, account: AccountId) -> Consent | None:
    row = _ONE.first(connection, account=account)
    if row is None:
        return None
    return Consent(
        fingerprint=row.fingerprint,
        actor=row.actor,
        given_at=row.given_at,
        ends_at=row.ends_at,
    )
