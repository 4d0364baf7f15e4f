"""Commands that only look: read over REST from the running services."""

from typing import Annotated, Any

import typer

from launcher.assembly import BLUEPRINTS
from launcher.client import Platform
from launcher.console import out, print_json, print_table
from launcher.options import AsJson
from launcher.story import tell
from shared.domain.errors import Unavailable
from shared.runtime.settings import PlatformSettings, load

Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to show.")]


def _platform() -> Platform:
    return Platform(load(PlatformSettings))


def status(as_json: AsJson = False) -> None:
    """Show every service and the account."""
    platform = _platform()
    services = [_service_row(platform, one.name, one.port) for one in BLUEPRINTS]
    if all(row["status"] == "not reachable" for row in services):
        raise Unavailable("no service answers; start the platform with 'trading up'")
    account = _where_up(platform, services, "portfolio", "/status")
    state = _where_up(platform, services, "risk", "/trading-state")
    if as_json:
        print_json({"services": services, "account": account, "trading_state": state})
        return
    columns = ("service", "port", "status", "mode", "version", "why")
    print_table("Services", services, columns, empty="no services")
    for title, document in (("Account", account), ("Trading state", state)):
        if document:
            print_table(title, _facts(document), ("what", "value"), empty="-")


def _service_row(platform: Platform, name: str, port: int) -> dict[str, Any]:
    health = platform.health(name)
    if health is None:
        return {"service": name, "port": port, "status": "not reachable"}
    checks = {check: why for check, why in health["checks"].items() if why != "ok"}
    why = "; ".join(f"{check}: {reason}" for check, reason in checks.items())
    return {"service": name, "port": port, **health, "why": why}


def _where_up(
    platform: Platform, services: list[dict[str, Any]], name: str, path: str
) -> dict[str, Any]:
    reachable = {row["service"] for row in services if row["status"] != "not reachable"}
    return platform.get(name, path) if name in reachable else {}


def _facts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"what": name.replace("_", " "), "value": value}
        for name, value in document.items()
        if not isinstance(value, (list, dict))
    ]


def orders(limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show the newest orders."""
    items = _platform().get("executor", "/orders", limit=limit)["items"]
    columns = ("decided_at", "symbol", "side", "status", "filled_quantity", "client_order_id")
    _show("Orders", items, columns, as_json, "no orders yet")


def positions(as_json: AsJson = False) -> None:
    """Show what is held."""
    items = _platform().get("portfolio", "/positions")
    columns = (
        "symbol",
        "quantity",
        "average_cost",
        "price",
        "notional",
        "unrealized_pnl",
        "realized_pnl",
    )
    _show("Positions", items, columns, as_json, "no open positions")


def profit(as_json: AsJson = False) -> None:
    """Show what was earned and what it cost."""
    document = _platform().get("portfolio", "/profit")
    if as_json:
        print_json(document)
        return
    print_table("Profit", _facts(document), ("what", "value"), empty="no fills yet")


def _show(
    title: str,
    items: list[dict[str, Any]],
    columns: tuple[str, ...],
    as_json: bool,
    empty: str,
) -> None:
    if as_json:
        print_json(items)
    else:
        print_table(title, items, columns, empty=empty)


def trace(
    identifier: Annotated[str, typer.Argument(help="Any id: signal, recommendation, order, fill.")],
    as_json: AsJson = False,
) -> None:
    """Tell a decision's story: candle, features, model, sizing, verdict, order, fills."""
    story = tell(load(PlatformSettings), identifier)
    if as_json:
        print_json(story)
        return
    for step in story:
        out.print(f"[bold]{step['what']}[/]  {step['at']}")
        for line in step["lines"]:
            out.print(f"    {line}", markup=False)
