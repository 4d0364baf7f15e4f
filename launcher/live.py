"""`trading live enable|status|disable`: a person's consent to trading real money."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from executor.core.gate import Consent
from executor.repository.consents import (
    find_consent,
    give_consent,
    withdraw_consent,
)
from executor.settings import ExecutorSettings
from launcher.console import FAILED, err, out, print_json
from launcher.live_gate import LiveAccount, placed_account, reasons_against
from launcher.options import AsJson
from launcher.person import person
from shared.db.dialect import db_now
from shared.domain.errors import BadInput
from shared.runtime.configuration import ConfigurationError
from shared.runtime.logging import configure
from shared.runtime.service import build_runtime
from shared.runtime.settings import Mode, PlatformSettings, load
from venues.port import VenueName

if TYPE_CHECKING:
    from shared.bus.unit_of_work import UnitOfWork

_PRODUCER = "command-line"
_LONGEST_DAYS = 30
_TYPED = 4

Days = Annotated[
    int, typer.Option("--days", min=1, max=_LONGEST_DAYS, help="How long it holds, in days.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def enable(days: Days = _LONGEST_DAYS, yes: Yes = False) -> None:
    """Consent to trading real money with the configured account, venue and key."""
    account = _account()
    _warn(account, days)
    if not yes:
        _ask(account.fingerprint)
    runtime = build_runtime(account.platform)

    def write(uow: "UnitOfWork") -> Consent:
        now = db_now(uow.connection)
        consent = Consent(
            fingerprint=account.fingerprint,
            actor=person(),
            given_at=now,
            ends_at=now + timedelta(days=days),
        )
        give_consent(uow.connection, account.platform.account, consent)
        detail = {
            "venue": account.venue,
            "fingerprint": consent.fingerprint,
            "ends_at": consent.ends_at.isoformat(),
        }
        uow.audit(consent.actor, "live.enabled", account.platform.account, detail)
        return consent

    consent = runtime.transactions(_PRODUCER).attempt(write)
    out.print(f"Consent given until {consent.ends_at:%Y-%m-%d %H:%M} UTC. Now set, and start:")
    out.print(f"TRADING_LIVE_CONFIRM={consent.fingerprint}", markup=False, soft_wrap=True)


def disable() -> None:
    """Take the consent back; it is asked for at every start."""
    platform = _live_settings()
    actor = person()

    def write(uow: "UnitOfWork") -> bool:
        was_there = withdraw_consent(uow.connection, platform.account)
        if was_there:
            uow.audit(actor, "live.disabled", platform.account, {})
        return was_there

    was_there = build_runtime(platform).transactions(_PRODUCER).attempt(write)
    found = "is taken back" if was_there else "was not there, so there is nothing to take back"
    out.print(f"The consent of {platform.account} {found}.", soft_wrap=True)
    out.print("A platform that already runs is not stopped by this: use 'trading halt' for that.")


def status(as_json: AsJson = False) -> None:
    """Say whether live trading would be let start from here, and everything that speaks against."""
    platform, settings = load(PlatformSettings), load(ExecutorSettings)
    _log_to_stderr(platform)
    runtime = build_runtime(platform)
    with runtime.transactions(_PRODUCER).read() as connection:
        consent = find_consent(connection, platform.account)
    account = placed_account(platform, settings)
    reasons = reasons_against(account, platform, runtime)
    document = {
        "mode": platform.mode,
        "account": platform.account,
        "venue": None if account is None else account.venue,
        "fingerprint": None if account is None or not account.keys.key else account.fingerprint,
        "consent": _described(consent),
        "may_start": not reasons,
        "objections": reasons,
    }
    if as_json:
        print_json(document)
    else:
        _tell(document)
    if reasons:
        sys.exit(FAILED)


def _log_to_stderr(platform: PlatformSettings) -> None:
    """Let what could not be found out be said beside the answer, not in it."""
    configure(as_json=not sys.stderr.isatty(), level="WARNING", secrets=platform.secrets())


def _live_settings() -> PlatformSettings:
    platform = load(PlatformSettings)
    if platform.mode is not Mode.LIVE:
        raise ConfigurationError(
            f"TRADING_MODE: it is {platform.mode}, and consent is about live; run this with the "
            "configuration that is to trade"
        )
    return platform


def _account() -> LiveAccount:
    """Return what is configured to trade live.

    Raises:
        ConfigurationError: the mode, the venue or its key is missing.
    """
    platform = _live_settings()
    account = placed_account(platform, load(ExecutorSettings))
    if account is None:
        raise ConfigurationError(f"EXECUTOR__VENUE: name where to trade: {', '.join(VenueName)}")
    if not (account.keys.key and account.keys.secret):
        raise ConfigurationError(
            f"{account.venue.upper()}_API_KEY: the consent is about one key; set it and its secret"
        )
    return account


def _warn(account: LiveAccount, days: int) -> None:
    err.print("This lets real money be traded without asking you again.", style="bold red")
    err.print(
        f"Account {account.platform.account} at {account.venue}, fingerprint "
        f"{account.fingerprint}, for {days} days.\n"
        "Orders will be placed by a program; you can lose all that the key can reach, and nobody "
        "has proven this software against the real venue (docs/live.md).\n"
        "Another account, venue or key has another fingerprint and needs its own consent.",
        markup=False,
        soft_wrap=True,
    )


def _ask(fingerprint: str) -> None:
    if not sys.stdin.isatty():
        raise BadInput("--yes", "nobody can be asked here", "add --yes in a script")
    typed = typer.prompt(f"Type the first {_TYPED} characters of the fingerprint")
    if str(typed).strip().lower() != fingerprint[:_TYPED]:
        raise BadInput("fingerprint", "that is not how it begins", "nothing was changed")


def _described(consent: Consent | None) -> Mapping[str, Any] | None:
    if consent is None:
        return None
    return {
        "fingerprint": consent.fingerprint,
        "actor": consent.actor,
        "given_at": consent.given_at,
        "ends_at": consent.ends_at,
    }


def _tell(document: Mapping[str, Any]) -> None:
    for name in ("mode", "account", "venue", "fingerprint"):
        out.print(f"{name}: {document[name] or '-'}", markup=False)
    consent = document["consent"]
    if consent is None:
        out.print("consent: none")
    else:
        out.print(
            f"consent: {consent['fingerprint']}, given by {consent['actor']} at "
            f"{consent['given_at']:%Y-%m-%d %H:%M} UTC, until {consent['ends_at']:%Y-%m-%d %H:%M} "
            "UTC",
            markup=False,
            soft_wrap=True,
        )
    if document["may_start"]:
        out.print("Nothing that can be seen from here speaks against a live start.")
        return
    out.print("Live trading would be refused:")
    for reason in document["objections"]:
        out.print(f"  - {reason}", markup=False, soft_wrap=True)
