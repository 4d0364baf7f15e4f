"""Balances, fees, what a key may do, and tokens for the streams."""

from zlib import crc32

from shared.domain.values import to_text
from simulator.wire.kucoin.asking import wanted
from simulator.wire.kucoin.desk import Call, Desk
from simulator.wire.kucoin.documents import Document, account_document, account_number
from simulator.wire.kucoin.errors import bad_parameter, unknown_symbol

_KINDS = ("main", "trade", "margin", "isolated", "trade_hf")
_MOST_SYMBOLS = 10
_CREATED_AT = 1_728_443_843_000
_UID_BASE = 100_000_000
PING_INTERVAL_MS, PING_TIMEOUT_MS = 18_000, 10_000


def accounts(desk: Desk, call: Call) -> list[Document]:
    """Return what orders spend from: `trade`, also by the name it had before (`trade_hf`)."""
    kind, currency = call.query.get("type") or "trade", call.query.get("currency")
    if kind not in _KINDS:
        raise bad_parameter("type not in the given range!")
    if kind not in ("trade", "trade_hf"):
        return []
    return [
        account_document(call.account, kind, name, funds)
        for name, funds in desk.exchange.funds(call.account).items()
        if currency in (None, "", name)
    ]


def account(desk: Desk, call: Call) -> Document:
    sought = call.places["account_id"]
    for name, funds in desk.exchange.funds(call.account).items():
        if account_number(call.account, "trade", name) == sought:
            whole = account_document(call.account, "trade", name, funds)
            return {key: whole[key] for key in ("currency", "balance", "available", "holds")}
    raise bad_parameter("account not exists")


def is_high_frequency(desk: Desk, call: Call) -> bool:
    """Return whether the account trades at the high-frequency endpoints: all here do."""
    del desk, call
    return True


def mode(desk: Desk, call: Call) -> Document:
    """Return that this account is not a unified one."""
    del desk, call
    return {"selfAccountMode": "CLASSIC"}


def key(desk: Desk, call: Call) -> Document:
    del desk
    asking = call.key
    assert asking is not None, "only private endpoints ask about the key"
    may = {"General": True, "Spot": asking.may_trade, "Transfer": asking.may_withdraw}
    return {
        "remark": asking.account,
        "apiKey": asking.key,
        "apiVersion": 3,
        "permission": ",".join(name for name, is_allowed in may.items() if is_allowed),
        "ipWhitelist": "127.**.1" if asking.is_ip_restricted else "",
        "createdAt": _CREATED_AT,
        "uid": user_number(asking.account),
        "isMaster": True,
    }


def user_number(account_name: str) -> int:
    return _UID_BASE + crc32(account_name.encode()) % _UID_BASE


def user(desk: Desk, call: Call) -> Document:
    del desk, call
    return {
        "level": 0,
        "subQuantity": 0,
        "spotSubQuantity": 0,
        "marginSubQuantity": 0,
        "futuresSubQuantity": 0,
        "optionSubQuantity": 0,
        "maxSubQuantity": 5,
        "maxDefaultSubQuantity": 5,
        "maxSpotSubQuantity": 0,
        "maxMarginSubQuantity": 0,
        "maxFuturesSubQuantity": 0,
        "maxOptionSubQuantity": 0,
    }


def trade_fees(desk: Desk, call: Call) -> list[Document]:
    symbols = [name for name in wanted(call.query, "symbols").split(",") if name]
    if len(symbols) > _MOST_SYMBOLS:
        raise bad_parameter(f"symbols should not be more than {_MOST_SYMBOLS}")
    if any(desk.listing(name) is None for name in symbols):
        raise unknown_symbol()
    return [{"symbol": name} | base_fee(desk, call) for name in symbols]


def base_fee(desk: Desk, call: Call) -> Document:
    del call
    house = desk.exchange.house
    return {
        "takerFeeRate": to_text(house.taker_ratio),
        "makerFeeRate": to_text(house.maker_ratio),
    }


def public_token(desk: Desk, call: Call) -> Document:
    return _token(desk, call, None)


def private_token(desk: Desk, call: Call) -> Document:
    return _token(desk, call, call.account)


def _token(desk: Desk, call: Call, account_name: str | None) -> Document:
    is_encrypted = call.origin.startswith("https")
    server = {
        "endpoint": call.origin.replace("http", "ws", 1),
        # kucoin-python hands this to its socket as `ssl`, which takes true or null, never false
        "encrypt": True if is_encrypted else None,
        "protocol": "websocket",
        "pingInterval": PING_INTERVAL_MS,
        "pingTimeout": PING_TIMEOUT_MS,
    }
    return {"token": desk.issue_token(account_name), "instanceServers": [server]}
