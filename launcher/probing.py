"""`trading live-probe`: what only the venue itself can answer, asked once with tiny orders."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from executor.settings import ExecutorSettings
from launcher.console import FAILED, NOT_REACHABLE, err, out, print_json, print_table
from launcher.masking import Mask
from launcher.options import AsJson
from launcher.panic_journal import Journal
from launcher.panic_sweep import Outcome, Sweep
from launcher.places import credentials_for, venue_named
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import to_decimal, to_text
from shared.domain.venue import OrderReport
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import Mode, PlatformSettings, load
from venues.naming import is_real
from venues.opening import Credentials
from venues.port import VenueName

if TYPE_CHECKING:
    from launcher.probes.course import Cost, Finding
    from launcher.probes.opening import Probe

_PATIENCE_SECONDS = 30.0
_CLOCK = SystemClock()

Venue = Annotated[str, typer.Argument(help="coinbase, binance_us or kucoin.")]
Budget = Annotated[float, typer.Option("--budget", min=0, help="Most that is bought, in quote.")]
Chosen = Annotated[str, typer.Option("--symbol", help="An instrument; BTC when left out.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def live_probe(
    venue: Venue,
    budget: Budget = 2.0,
    symbol: Chosen = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Settle with tiny orders what the venue's documents leave open; the answers are kept."""
    from launcher.probes.course import ask_all, cost_of, refuse_beyond  # noqa: PLC0415 - only here
    from launcher.probes.opening import USUAL_SYMBOL, open_probe  # noqa: PLC0415

    name = venue_named(venue)
    platform, settings = load(PlatformSettings), load(ExecutorSettings)
    credentials = _credentials(name, platform, settings)
    chosen = Symbol("-".join(split_symbol(symbol))) if symbol else USUAL_SYMBOL[name]
    probe = open_probe(name, credentials, chosen)
    cost = cost_of(probe)
    refuse_beyond(cost, probe, to_decimal(budget))
    _announce(probe, cost, credentials)
    if not yes:
        _confirm()
    folder = _new_folder(platform.state_dir, name)
    findings: Sequence[Finding] = []
    mask = Mask(credentials.keys)
    try:
        findings = ask_all(probe, folder, mask)
    finally:  # also when somebody interrupts: nothing may be left behind
        left = _sweep(name, credentials, folder)
        code = _code(findings, left, probe.bench.unsold)
        _tell(findings, left, probe.bench.unsold, folder, as_json=as_json)
    sys.exit(code)


def _credentials(
    name: VenueName, platform: PlatformSettings, settings: ExecutorSettings
) -> Credentials:
    if platform.mode is Mode.LIVE and not settings.is_enabled(name):
        raise ConfigurationError(
            f"EXECUTOR__{name.upper()}_ENABLED: real orders may not go to {name}; set it to true"
        )
    return credentials_for(name, platform.mode, settings)


def _announce(probe: "Probe", cost: "Cost", credentials: Credentials) -> None:
    kind = "REAL MONEY" if is_real(credentials.address) else "simulated money"
    numbered = (f"  {number}. {one.sentence}\n" for number, one in enumerate(probe.questions, 1))
    text = (
        f"{len(probe.questions)} questions to {probe.bench.name} ({credentials.address.rest}, "
        f"{kind}) with orders for {probe.bench.symbol}:\n{''.join(numbered)}"
        f"Orders rest 5 % below the market for a moment and hold {to_text(cost.held)} {cost.quote} "
        "at most; should the market fall to them, they fill.\n"
    )
    if cost.bought:
        text += (
            f"One order buys for up to {to_text(cost.bought)} {cost.quote}, and is sold back at "
            f"once; that costs about {to_text(round(cost.usual_loss, 6))} {cost.quote}.\n"
        )
    text += "Let no platform trade this account meanwhile: it would take these for strangers."
    err.print(text, markup=False, soft_wrap=True)


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise BadInput("--yes", "nobody can be asked here", "add --yes in a script")
    typer.confirm("Ask them?", abort=True)


def _new_folder(state_dir: Path, name: VenueName) -> Path:
    """Make the folder of the day, or one of this second where the day has one already."""
    now = _CLOCK.now()
    folder = state_dir / "probes" / name / f"{now:%Y-%m-%d}"
    if folder.exists():
        folder = folder.with_name(f"{now:%Y-%m-%dT%H%M%S.%f}")
    folder.mkdir(parents=True)
    return folder


def _sweep(name: VenueName, credentials: Credentials, folder: Path) -> Outcome:
    """Cancel whatever any probe has left, and make sure of it."""
    from launcher.probes.bench import PREFIX  # noqa: PLC0415

    def is_of_a_probe(order: OrderReport) -> bool:
        return (order.client_order_id or "").startswith(PREFIX)

    journal = Journal(folder, "sweep")
    outcome = Sweep(
        venue=name,
        credentials=credentials,
        is_wanted=is_of_a_probe,
        journal=journal,
        patience_seconds=_PATIENCE_SECONDS,
    ).run()
    journal.close()
    return outcome


def _code(findings: "Sequence[Finding]", left: Outcome, unsold: str) -> int:
    if not left.is_known:
        return NOT_REACHABLE
    is_well = bool(findings) and all(one.is_answered for one in findings)
    return 0 if is_well and not left.resting and not unsold else FAILED


def _tell(
    findings: "Sequence[Finding]", left: Outcome, unsold: str, folder: Path, *, as_json: bool
) -> None:
    from launcher.probes.course import write_document  # noqa: PLC0415

    problems = [one for one in (unsold, _left(left)) if one]
    document = {
        "questions": [_described(one) for one in findings],
        "problems": problems,
        "folder": str(folder),
    }
    write_document(folder / "summary.json", document)
    if as_json:
        print_json(document)
        return
    print_table(
        "What the venue says",
        [_described(one) for one in findings],
        ("question", "answer", "evidence"),
        empty="Nothing was asked.",
    )
    out.print(f"The evidence is in {folder}.", markup=False, soft_wrap=True)
    for problem in problems:
        err.print(problem, style="bold red", markup=False, soft_wrap=True)


def _left(outcome: Outcome) -> str:
    if not outcome.is_known:
        return f"NOT KNOWN what still rests: {outcome.problem}; run 'trading panic --all'"
    names = ", ".join(str(one.order.client_order_id) for one in outcome.resting)
    return f"may still rest: {names}; run 'trading panic --all'" if names else ""


def _described(finding: "Finding") -> Mapping[str, Any]:
    return {
        "question": finding.question.sentence,
        "answer": finding.answer,
        "is_answered": finding.is_answered,
        "evidence": finding.file.name,
    }
