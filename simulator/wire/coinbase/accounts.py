"""The answers to requests about money, fees and the key itself."""

from typing import Any

from simulator.wire.coinbase.calls import Call
from simulator.wire.coinbase.documents import (
    FIAT,
    OPENED,
    Document,
    account_document,
    fees_document,
    permissions_document,
    portfolios_document,
)
from simulator.wire.coinbase.errors import invalid, no_such_account

_PAGE = 49
_LONGEST_PAGE = 250


def list_accounts(call: Call) -> Any:
    accounts = _accounts(call)
    after, limit = call.one("cursor"), call.count("limit", _PAGE, _LONGEST_PAGE)
    marks = [one["uuid"] for one in accounts]
    if after and after not in marks:
        raise invalid("cursor is invalid")
    begin = marks.index(after) + 1 if after else 0
    page = accounts[begin : begin + limit]
    has_next = begin + limit < len(accounts)
    return {
        "accounts": page,
        "has_next": has_next,
        "cursor": marks[begin + limit - 1] if has_next else "",
        "size": len(page),
    }


def get_account(call: Call) -> Any:
    for account in _accounts(call):
        if account["uuid"] == call.path["account_id"]:
            return {"account": account}
    raise no_such_account()


def transaction_summary(call: Call) -> Any:
    return fees_document(call.exchange.house)


def key_permissions(call: Call) -> Any:
    return permissions_document(call.key)


def portfolios(call: Call) -> Any:
    return portfolios_document(call.key)


def older_accounts(call: Call) -> Any:
    """Answer in the form of version 2, which knows no holds: an amount is what can be spent."""
    data = [_older(one) for one in _accounts(call)]
    pagination = {
        "ending_before": None,
        "starting_after": None,
        "previous_ending_before": None,
        "next_starting_after": None,
        "limit": call.count("limit", _PAGE, _LONGEST_PAGE),
        "order": "desc",
        "previous_uri": None,
        "next_uri": None,
    }
    return {"pagination": pagination, "data": data}


def _accounts(call: Call) -> list[Document]:
    funds = call.exchange.funds(call.account)
    return [account_document(call.account, asset, funds[asset]) for asset in sorted(funds)]


def _older(account: Document) -> Document:
    asset = account["currency"]
    return {
        "id": account["uuid"],
        "name": account["name"],
        "primary": False,
        "type": "fiat" if asset in FIAT else "wallet",
        "currency": {"code": asset, "name": asset, "type": "fiat" if asset in FIAT else "crypto"},
        "balance": {"amount": account["available_balance"]["value"], "currency": asset},
        "created_at": OPENED,
        "updated_at": OPENED,
        "resource": "account",
        "resource_path": f"/v2/accounts/{account['uuid']}",
        "allow_deposits": False,
        "allow_withdrawals": False,
    }
