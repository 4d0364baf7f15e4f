"""`trading panic`: cancels everything of ours, with the venues' keys and nothing else.

It reads settings and talks to venues; database, Redis and the services may all be down.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import typer

from executor.settings import ExecutorSettings
from launcher.console import FAILED, NOT_REACHABLE, err, out, print_json, print_table
from launcher.options import AsJson
from launcher.panic_journal import Journal
from launcher.panic_sweep import Outcome, Sweep
from launcher.places import credentials_for, venue_named, venues_in_use
from shared.domain.ids import is_client_order_id_of
from shared.domain.venue import OrderReport
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import PlatformSettings, load
from venues.opening import Credentials
from venues.port import VenueName

Names = Annotated[
    list[str] | None,
    typer.Option("--venue", help="A venue; repeat for more, all in use when left out."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
All = Annotated[
    bool, typer.Option("--all", help="Every open order on the account, not only those of ours.")
]
Patience = Annotated[
    float, typer.Option("--patience", min=1, max=3600, help="Seconds to go on without progress.")
]
_STILL_RUNNING = (
    "The platform may still be running, and then it may send new orders: halt it with "
    "'trading halt', or stop its processes."
)


def panic(
    venue: Names = None,
    yes: Yes = False,
    everything: All = False,
    patience: Patience = 30.0,
    as_json: AsJson = False,
) -> None:
    """Cancel our open orders at the venues, with database and Redis down."""
    platform, settings = load(PlatformSettings), load(ExecutorSettings)
    names = _names(venue or (), platform, settings)
    reachable, unusable = _credentials(names, platform, settings)
    whose = "every open order, whoever placed it," if everything else "our open orders"
    if not yes and sys.stdin.isatty():
        where = ", ".join(f"{name} ({one.address.rest})" for name, one in reachable.items())
        typer.confirm(f"Cancel {whose} of account {platform.account} at {where}?", abort=True)
    journal = Journal(platform.state_dir)
    journal.write({"action": "begin", "account": platform.account, "all": everything})
    wanted = _wanted(platform, everything=everything)
    sweeps = [
        Sweep(
            venue=name,
            credentials=one,
            is_wanted=wanted,
            journal=journal,
            patience_seconds=patience,
        )
        for name, one in reachable.items()
    ]
    with ThreadPoolExecutor(max_workers=len(sweeps)) as threads:
        swept = list(threads.map(Sweep.run, sweeps))
    outcomes = [*swept, *unusable]
    code = exit_code_of(outcomes)
    journal.write({"action": "end", "exit_code": code})
    journal.close()
    _tell(outcomes, journal, as_json=as_json)
    sys.exit(code)


def exit_code_of(outcomes: Sequence[Outcome]) -> int:
    if any(not one.is_known for one in outcomes):
        return NOT_REACHABLE
    return FAILED if any(one.resting for one in outcomes) else 0


def _names(
    asked: Sequence[str], platform: PlatformSettings, settings: ExecutorSettings
) -> Sequence[VenueName]:
    if asked:
        return list(dict.fromkeys(venue_named(one) for one in asked))
    found = venues_in_use(platform.mode, settings)
    if not found:
        raise ConfigurationError(
            f"no venue is in use: mode {platform.mode}, account {platform.account}. In live a "
            "venue is in use when its key is set (COINBASE_API_KEY, BINANCE_US_API_KEY, "
            "KUCOIN_API_KEY); in paper, when EXECUTOR__VENUE names it"
        )
    return found


def _credentials(
    names: Sequence[VenueName], platform: PlatformSettings, settings: ExecutorSettings
) -> tuple[Mapping[VenueName, Credentials], Sequence[Outcome]]:
    """Return how to reach the venues; what is not configured well does not keep the rest waiting.

    Raises:
        ConfigurationError: none of them can be used.
    """
    reachable: dict[VenueName, Credentials] = {}
    unusable: list[Outcome] = []
    for name in names:
        try:
            reachable[name] = credentials_for(name, platform.mode, settings)
        except ConfigurationError as error:
            if len(names) == 1:
                raise
            unusable.append(Outcome(venue=name, is_known=False, problem=error.detail))
    if not reachable:
        raise ConfigurationError("\n".join(one.problem for one in unusable))
    return reachable, unusable


def _wanted(platform: PlatformSettings, *, everything: bool) -> Callable[[OrderReport], bool]:
    def is_ours(order: OrderReport) -> bool:
        text = order.client_order_id or ""
        return is_client_order_id_of(platform.mode, platform.account, text)

    return (lambda _: True) if everything else is_ours


def _tell(outcomes: Sequence[Outcome], journal: Journal, *, as_json: bool) -> None:
    rows = [row for one in outcomes for row in _rows(one)]
    if as_json:
        print_json(
            {
                "venues": [_document(one) for one in outcomes],
                "journal": str(journal.path),
                "journal_problem": journal.problem or None,
                "notice": _STILL_RUNNING,
            }
        )
        return
    columns = ("venue", "symbol", "order", "venue_order", "became")
    print_table("Panic", rows, columns, empty="Nothing that was to be canceled was found.")
    for one in outcomes:
        _tell_of(one)
    if journal.problem:
        err.print(f"The journal could not be kept: {journal.problem}.", soft_wrap=True)
    else:
        out.print(f"Every step is in {journal.path}.", markup=False, soft_wrap=True)
    out.print(_STILL_RUNNING, soft_wrap=True)


def _tell_of(outcome: Outcome) -> None:
    if not outcome.is_known:
        line = f"{outcome.venue}: NOT KNOWN what still rests there: {outcome.problem}"
        err.print(line, style="bold red", markup=False, soft_wrap=True)
    elif outcome.resting:
        line = f"{outcome.venue}: {len(outcome.resting)} may still rest. {outcome.problem}".strip()
        err.print(line, style="bold red", markup=False, soft_wrap=True)
    else:
        out.print(f"{outcome.venue}: nothing of what was to be canceled rests there any more.")


def _rows(outcome: Outcome) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "venue": outcome.venue,
            "symbol": fate.order.symbol,
            "order": fate.order.client_order_id,
            "venue_order": fate.order.venue_order_id,
            "became": fate.became,
        }
        for fate in outcome.fates
    ]


def _document(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "venue": outcome.venue,
        "is_known": outcome.is_known,
        "problem": outcome.problem or None,
        "orders": [
            {
                "symbol": fate.order.symbol,
                "client_order_id": fate.order.client_order_id,
                "venue_order_id": fate.order.venue_order_id,
                "became": fate.became,
                "is_gone": fate.is_gone,
            }
            for fate in outcome.fates
        ],
    }
