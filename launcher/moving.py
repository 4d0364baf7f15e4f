"""`trading books deposit|withdraw|trade|adjust|...`: what moved on the account beside fills."""

from typing import Annotated, Any

import typer

from launcher.client import Platform
from launcher.console import out, print_json, print_table
from launcher.options import AsJson
from shared.runtime.settings import PlatformSettings, load

_SERVICE = "portfolio"
_COLUMNS = (
    "movement_id",
    "kind",
    "status",
    "asset",
    "amount",
    "symbol",
    "price",
    "moved_at",
    "asked_by",
    "settled_by",
    "reason",
)

Asset = Annotated[str, typer.Argument(help="What moved, for example USDT.")]
Amount = Annotated[str, typer.Argument(help="How much, exactly.")]
Signed = Annotated[str, typer.Argument(help="What is to be added; negative to take away.")]
Symbol = Annotated[str, typer.Argument(help="The instrument, for example BTC-USDT.")]
Side = Annotated[str, typer.Argument(help="buy or sell")]
Price = Annotated[str | None, typer.Option("--price", help="Quote per unit of coins that came.")]
Paid = Annotated[str, typer.Argument(help="Quote per unit.")]
Aside = Annotated[bool, typer.Option("--aside", help="Not to be traded with.")]
FromAside = Annotated[bool, typer.Option("--from-aside", help="The coins lie aside already.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever reads it later.")]
NewAsset = Annotated[bool, typer.Option("--new-asset", help="Nothing here knows it, and so be it.")]
Fee = Annotated[str, typer.Option("--fee", help="What it cost.")]
FeeAsset = Annotated[str | None, typer.Option("--fee-asset", help="In what; the quote if unsaid.")]
Movement = Annotated[str, typer.Argument(help="The id of the movement.")]
Status = Annotated[str | None, typer.Option("--status", help="pending, booked or refused")]


def deposit(
    asset: Asset,
    amount: Amount,
    price: Price = None,
    aside: Aside = False,
    reason: Reason = "",
    new_asset: NewAsset = False,
) -> None:
    """Say that money or coins came to the account."""
    said = {"price": price, "aside": aside, "reason": reason, "new_asset": new_asset}
    _move(kind="deposit", asset=asset, amount=amount, **said)


def withdraw(
    asset: Asset,
    amount: Amount,
    aside: Aside = False,
    reason: Reason = "",
    new_asset: NewAsset = False,
) -> None:
    """Say that money or coins left the account."""
    said = {"aside": aside, "reason": reason, "new_asset": new_asset}
    _move(kind="withdrawal", asset=asset, amount=amount, **said)


def trade(
    symbol: Symbol,
    side: Side,
    quantity: Amount,
    price: Paid,
    fee: Fee = "0",
    fee_asset: FeeAsset = None,
) -> None:
    """Say that somebody traded on the account by hand."""
    _move(
        kind="external_trade",
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        fee=fee,
        fee_asset=fee_asset,
    )


def adjust(
    asset: Asset,
    amount: Signed,
    reason: Reason,
    price: Price = None,
    from_aside: FromAside = False,
    new_asset: NewAsset = False,
) -> None:
    """Ask for a correction of the books; a second person has to approve of it."""
    _move(
        kind="adjustment",
        asset=asset,
        amount=amount,
        reason=reason,
        price=price,
        from_aside=from_aside,
        new_asset=new_asset,
    )


def approve(movement: Movement) -> None:
    """Book what somebody else has asked for."""
    _tell(_platform().post(_SERVICE, f"/movements/{movement}/approve", {}))


def refuse(movement: Movement) -> None:
    """Do not book what was asked for."""
    _tell(_platform().post(_SERVICE, f"/movements/{movement}/refuse", {}))


def movements(status: Status = None, as_json: AsJson = False) -> None:
    """Show what people said moved, the latest first."""
    query = {} if status is None else {"status": status}
    found = _platform().get(_SERVICE, "/movements", **query)["items"]
    if as_json:
        print_json(found)
        return
    print_table("Movements", found, _COLUMNS, empty="Nobody has said that anything moved.")


def _move(**said: Any) -> None:
    body = {name: value for name, value in said.items() if value is not None}
    _tell(_platform().post(_SERVICE, "/movements", body))


def _tell(movement: dict[str, Any]) -> None:
    out.print(
        f"{movement['kind']} of {movement['amount']} {movement['asset']}: {movement['status']}",
        markup=False,
    )
    if movement["status"] == "pending":
        out.print(
            f"Somebody else approves of it: trading books approve {movement['movement_id']}",
            markup=False,
            soft_wrap=True,
        )


def _platform() -> Platform:
    return Platform(load(PlatformSettings))
