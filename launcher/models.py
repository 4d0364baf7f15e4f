"""Commands about models: look at them, prove them, put them to work, take them back."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from launcher.candles import traded_market
from launcher.client import Platform
from launcher.console import REFUSED, out, print_json, print_table
from launcher.model_desk import Declined, desk_of, ids_in, named
from launcher.model_keys import trust_of
from launcher.model_view import condition_rows, document_of, facts_of, health_row, remedies, row_of
from launcher.models_home import served_folder
from launcher.options import AsJson, refuse_unwritable
from models.aliases import Role, read_aliases
from models.evaluation.sheet import GateVerdict
from models.manifest import GATE, REPORT
from models.refusals import ArtifactRefused
from models.registry import Registry
from models.shelf import scopes_in
from shared.domain.clock import SystemClock
from shared.domain.errors import NotFound
from shared.runtime.settings import PlatformSettings, load
from signal_generator.app import NAME

Id = Annotated[str, typer.Argument(help="A release, or any beginning or end that only one has.")]


def list_models(as_json: AsJson = False) -> None:
    """Show every release: its roles, its skill, the gate's verdict, its age."""
    now = SystemClock().now()
    rows = [row_of(one, now) for one in _registry().releases()]
    if as_json:
        print_json(rows)
        return
    columns = ("scope", "release_id", "kind", "roles", "created", "auc", "gate", "age", "expires")
    print_table("Models", rows, columns, empty="no models yet; 'trading train' makes some")


def show(
    release: Id,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Copy the report to this file.")
    ] = None,
) -> None:
    """Show one release: where it comes from, what it can do, which conditions it meets."""
    refuse_unwritable("--html", html)
    registry = _registry()
    listing = registry.find(named(release, _ids()))
    contents = registry.verify(listing.manifest.release_id)
    if html is not None:
        if REPORT not in contents.files:
            raise NotFound(f"{listing.manifest.release_id} has no report")
        html.write_bytes(contents.files[REPORT])
    if as_json:
        print_json(document_of(listing, contents))
        return
    facts = facts_of(listing, contents, SystemClock().now())
    print_table(listing.manifest.release_id, facts, ("what", "value"), empty="-")
    if GATE in contents.files:
        verdict = contents.sheet(GATE, GateVerdict)
        _show_conditions("Gate", document_of(listing, contents)["gate"]["conditions"])
        out.print(verdict.sentence, markup=False)
    else:
        out.print("No gate has judged it.")
    if REPORT in contents.files:
        place = html or listing.path / REPORT
        out.print(f"The report: {place}", markup=False, soft_wrap=True)


def verify(
    release: Annotated[str, typer.Argument(help="A release; all; or served: the champions.")],
    as_json: AsJson = False,
) -> None:
    """Prove releases: signature, hashes, schema, expiry, and their own stored answers."""
    registry, now = _registry(), SystemClock().now()
    rows = [_verified(registry, one, now) for one in _asked_for(release)]
    if as_json:
        print_json(rows)
    else:
        print_table("Verified", rows, ("release_id", "result", "detail"), empty="no models yet")
    if any(row["result"] != "ok" for row in rows):
        sys.exit(REFUSED)


def _asked_for(release: str) -> Sequence[str]:
    if release == "served":
        root = served_folder(load(PlatformSettings))
        aliases = [read_aliases(root, scope) or {} for scope in scopes_in(root)]
        return [one[Role.CHAMPION] for one in aliases if Role.CHAMPION in one]
    return _ids() if release == "all" else [named(release, _ids())]


def promote(
    release: Id,
    override: Annotated[
        str | None,
        typer.Option(
            "--override",
            help="Why (3 to 200 characters) although a condition is not met; never live.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a release the champion of its scope, if gate and shadow allow it."""
    desk = desk_of(load(PlatformSettings))
    try:
        answer = desk.promote(named(release, desk.ids()), override)
    except Declined as error:
        if as_json:
            print_json(error.document)
        else:
            _show_conditions("Conditions", error.document.get("conditions", []))
        raise
    if as_json:
        print_json(answer)
        return
    if answer["unmet"]:
        out.print(f"[yellow]Overridden, and kept in the audit:[/] {', '.join(answer['unmet'])}.")
    _show_aliases(answer)


def rollback(
    symbol: Annotated[str, typer.Argument(help="For example BTC-USDT, or GLOBAL.")],
    as_json: AsJson = False,
) -> None:
    """Put the release before the champion back to work."""
    answer = desk_of(load(PlatformSettings)).rollback(symbol)
    if as_json:
        print_json(answer)
    else:
        _show_aliases(answer)


def health(
    symbol: Annotated[str, typer.Argument(help="For example BTC-USDT; all when left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show how the models in service and in the shadow stand."""
    path = f"/models/health/{symbol}" if symbol else "/models/health"
    items = Platform(load(PlatformSettings)).get(NAME, path)["items"]
    if as_json:
        print_json(items)
        return
    columns = ("symbol", "role", "release_id", "state", "remedy", "day", "alarms")
    print_table("Health", [health_row(one) for one in items], columns, empty="not judged yet")


def _registry() -> Registry:
    settings = load(PlatformSettings)
    return Registry(served_folder(settings), traded_market(settings), trust=trust_of(settings))


def _ids() -> list[str]:
    return ids_in(served_folder(load(PlatformSettings)))


def _verified(registry: Registry, release_id: str, now: datetime) -> dict[str, Any]:
    try:
        contents = registry.verify(release_id, now)
        registry.load(release_id, now)
    except ArtifactRefused as error:
        why = error.detail.removeprefix(f"{error.reason}: ")
        return {"release_id": release_id, "result": error.reason, "detail": why}
    by = contents.signed_by
    said = "no signature" if by is None else f"signed by {by}"
    return {"release_id": release_id, "result": "ok", "detail": said}


def _show_conditions(title: str, conditions: Sequence[Mapping[str, Any]]) -> None:
    columns = ("met", "condition", "value", "limit")
    print_table(title, condition_rows(conditions), columns, empty="nothing was judged")
    tries = remedies(conditions)
    if tries:
        out.print("What to try:")
    for one in tries:
        out.print(f"  - {one}", markup=False)


def _show_aliases(answer: Any) -> None:
    rows = [{"role": role, "release_id": one} for role, one in answer["aliases"].items()]
    print_table(f"{answer['scope']} from now on", rows, ("role", "release_id"), empty="nobody")
