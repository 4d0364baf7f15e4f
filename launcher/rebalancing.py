"""`trading rebalance`: the trades that reach target shares, and what became of them."""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from urllib.parse import quote

import typer

from launcher.client import Platform
from launcher.console import out, print_json, print_table
from launcher.options import AsJson
from shared.domain.errors import BadInput, TradingError
from shared.domain.values import ZERO, to_text
from shared.runtime.settings import PlatformSettings, load

Targets = Annotated[
    list[str] | None,
    typer.Argument(help="Shares of equity, for example BTC-USDT=0.05 ETH-USDT=0.03."),
]
Band = Annotated[str, typer.Option("--band", help="How far off a share may be and be left alone.")]
ToEdge = Annotated[bool, typer.Option("--to-edge", help="Trade only back to the edge of the band.")]
Execute = Annotated[bool, typer.Option("--execute", help="Have risk judge the trades, and trade.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Identity = Annotated[str, typer.Argument(help="The id of a rebalancing.")]
_TRADES = (
    "side",
    "symbol",
    "quantity",
    "price",
    "notional",
    "fee",
    "slippage",
    "now",
    "target",
    "then",
    "note",
)
_STEPS = ("side", "symbol", "quantity", "approved", "price", "status", "why", "recommendation_id")


def rebalance(
    targets: Targets = None,
    band: Band = "0",
    to_edge: ToEdge = False,
    execute: Execute = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Plan trades to target shares of equity; with --execute have them judged and traded."""
    platform = Platform(load(PlatformSettings))
    wanted = {
        "targets": _targets(targets or ()),
        "tolerance_ratio": to_text(_share("--band", band)),
        "to_edge": to_edge,
    }
    planned = platform.post("portfolio", "/rebalance", {**wanted, "dry_run": True})
    planned["warnings"] += _beyond_caps(platform, planned)
    if not execute or not any(not one["skipped"] for one in planned["trades"]):
        _tell(planned, as_json=as_json)
        return
    if not as_json:
        _tell(planned, as_json=False)
    if not yes and sys.stdin.isatty():
        typer.confirm("Send these trades to risk?", abort=True)
    sent = platform.post("portfolio", "/rebalance", {**wanted, "dry_run": False})
    if as_json:
        print_json(sent)
        return
    _tell_sent(sent)


def rebalanced(identity: Identity, as_json: AsJson = False) -> None:
    """Show what became of a rebalancing, trade by trade."""
    platform = Platform(load(PlatformSettings))
    found = platform.get("recommender", f"/rebalances/{quote(identity, safe='')}")
    if as_json:
        print_json(found)
        return
    rows = [{**step, **_verdict(step["verdict"])} for step in found["steps"]]
    title = f"Rebalancing {identity}, wanted by {found['actor']} at {found['wanted_at']}"
    print_table(title, rows, _STEPS, empty="-")


def _targets(words: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for word in words:
        symbol, equals, share = word.partition("=")
        if not equals or symbol in found:
            raise BadInput("TARGETS", f"'{word}' is no target", "write each once, BTC-USDT=0.05")
        found[symbol] = to_text(_share(symbol, share))
    if not found:
        raise BadInput("TARGETS", "nothing is named", "write for example BTC-USDT=0.05")
    return found


def _share(what: str, text: str) -> Decimal:
    try:
        share = Decimal(text)
    except InvalidOperation:
        share = Decimal("NaN")
    if not (share.is_finite() and 0 <= share <= 1):
        raise BadInput(what, f"'{text}' is no share of the equity", "give a number from 0 to 1")
    return share


def _beyond_caps(platform: Platform, planned: Mapping[str, Any]) -> list[str]:
    """Return what risk will cut by the limits in force; nothing where it cannot be asked."""
    try:
        limits = platform.get("risk", "/limits")["limits"]
    except TradingError:
        return []
    cap = Decimal(str(min(limits["max_position_ratio"], limits["max_symbol_ratio"])))
    return [
        f"{one['symbol']}: {one['target_ratio']} is above the cap of {cap} for one instrument"
        for one in planned["trades"]
        if one["side"] == "buy" and Decimal(one["target_ratio"]) > cap
    ]


def _tell(planned: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(planned)
        return
    rows = [
        {
            **one,
            "now": _percent(one["current_ratio"]),
            "target": _percent(one["target_ratio"]),
            "then": _percent(one["planned_ratio"]),
            "note": f"not sent: {one['skipped']}" if one["skipped"] else one["cut"],
        }
        for one in planned["trades"]
    ]
    currency = planned["quote"]
    title = f"Rebalancing of {planned['equity']} {currency}"
    print_table(title, rows, _TRADES, empty="Every share is within its band: nothing to trade.")
    if rows:
        cost = Decimal(planned["fees"]) + Decimal(planned["slippage"])
        out.print(
            f"Trades {planned['traded_notional']} {currency}; fees {planned['fees']} and about "
            f"{planned['slippage']} of slippage, {to_text(round(cost, 8))} {currency} in all.",
            markup=False,
        )
    for warning in planned["warnings"]:
        out.print(f"Note: {warning}.", markup=False, soft_wrap=True)


def _tell_sent(sent: Mapping[str, Any]) -> None:
    if sent["rebalance_id"] is None:
        out.print("By now every share is within its band: nothing was sent.")
        return
    identity = sent["rebalance_id"]
    out.print(f"Sent to risk as rebalancing {identity}.", markup=False)
    out.print(
        f"'trading rebalanced {identity}' tells what became of it, 'trading trace ID' of "
        "each recommendation:",
        markup=False,
        soft_wrap=True,
    )
    for one in sent["trades"]:
        if one["recommendation_id"] is not None:
            line = f"  {one['side']} {one['quantity']} {one['symbol']}  {one['recommendation_id']}"
            out.print(line, markup=False)


def _verdict(verdict: Mapping[str, Any] | None) -> Mapping[str, str]:
    if verdict is None:
        return {"approved": "-", "why": ""}
    checks = ", ".join(one["check"] for one in verdict.get("breaches", ()))
    return {"approved": str(verdict.get("quantity", ZERO)), "why": checks}


def _percent(ratio: str) -> str:
    return f"{float(ratio) * 100:.2f} %"
