"""Commands that only look: read over REST from the running services."""

from typing import Annotated, Any

import typer

from launcher.assembly import BLUEPRINTS
from launcher.client import Platform
from launcher.console import out, print_json, print_table
from launcher.options import AsJson
from launcher.story import tell
from shared.domain.enums import OrderType
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
    venues: list[dict[str, Any]] = _where_up(platform, services, "executor", "/venues") or []
    frozen = _frozen(platform, venues)
    if as_json:
        shown = {"services": services, "account": account, "trading_state": state}
        print_json({**shown, "venues": venues, "frozen": frozen})
        return
    columns = ("service", "port", "status", "mode", "version", "why")
    print_table("Services", services, columns, empty="no services")
    for title, document in (("Account", account), ("Trading state", state)):
        if document:
            print_table(title, _facts(document), ("what", "value"), empty="-")
    for one in venues:
        if one["problem"]:
            out.print(f"Nothing is sent to {one['name']} now: {one['problem']}", markup=False)
    if frozen:
        columns = ("symbol", "kind", "detail", "frozen_at")
        print_table("Frozen: not bought until you say so", frozen, columns, empty="-")


def _frozen(platform: Platform, venues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the freezes; the venue inside our own process has none."""
    if all(one["is_in_process"] for one in venues):
        return []
    return platform.get("executor", "/freezes")


def _service_row(platform: Platform, name: str, port: int) -> dict[str, Any]:
    health = platform.health(name)
    if health is None:
        return {"service": name, "port": port, "status": "not reachable"}
    checks = {check: why for check, why in health["checks"].items() if why != "ok"}
    why = "; ".join(f"{check}: {reason}" for check, reason in checks.items())
    return {"service": name, "port": port, **health, "why": why}


def _where_up(platform: Platform, services: list[dict[str, Any]], name: str, path: str) -> Any:
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
    if as_json:
        print_json(items)
        return
    columns = ("decided_at", "order", "status", "filled", "client_order_id")
    details = ("detail",) if any(one["detail"] for one in items) else ()
    print_table(
        "Orders", [_order_row(one) for one in items], columns + details, empty="no orders yet"
    )


def _order_row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        **one,
        "decided_at": one["decided_at"][:19] + "Z",
        "order": f"{one['side']} {one['quantity']} {one['symbol']}, {_terms(one)}",
        "filled": one["filled_quantity"],
    }


def _terms(one: dict[str, Any]) -> str:
    if one["order_type"] == OrderType.STOP_LIMIT:
        return f"stop at {one['stop_price']}, limit {one['limit_price']}"
    why = f" ({one['exit_reason']})" if one["exit_reason"] else ""
    if one["order_type"] == OrderType.MARKET:
        return f"market{why}"
    return f"limit {one['limit_price']} {one['time_in_force']}{why}"


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
    identifier: Annotated[
        str, typer.Argument(help="Any id: signal, order, fill, round trip, ... or an audit's row.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell a decision end to end: candle, model, sizing, verdict, order, fills, ledger, result."""
    story = tell(load(PlatformSettings), identifier)
    if as_json:
        print_json(story)
        return
    for step in story:
        out.print(f"[bold]{step['what']}[/]  {step['at']}")
        for line in step["lines"]:
            out.print(f"    {line}", markup=False, soft_wrap=True)
