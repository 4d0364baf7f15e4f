"""KuCoin's answers, small, in the shapes it documents; each call gives a document of its own."""

from typing import Any

CLIENT_ORDER_ID = "f1016c1b-746c-8063-894d-12450317dafa"
ORDER_ID = "6717422bd51c29000775ea03"
PLACED_MS = 1_729_577_515_444


def enveloped(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


def refused(code: str, message: str = "no") -> dict[str, Any]:
    return {"code": code, "msg": message}


def created() -> dict[str, Any]:
    return enveloped({"orderId": ORDER_ID, "clientOid": CLIENT_ORDER_ID})


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": ORDER_ID,
        "clientOid": CLIENT_ORDER_ID,
        "symbol": "BTC-USDT",
        "opType": "DEAL",
        "type": "limit",
        "side": "buy",
        "price": "70000",
        "size": "0.003",
        "funds": "210",
        "dealSize": "0.001",
        "dealFunds": "67.7",
        "fee": "0.0677",
        "feeCurrency": "USDT",
        "timeInForce": "GTC",
        "cancelAfter": 0,
        "cancelExist": False,
        "cancelledSize": "0",
        "remainSize": "0.002",
        "inOrderBook": True,
        "active": True,
        "tags": None,
        "createdAt": PLACED_MS,
        "lastUpdatedAt": PLACED_MS + 37,
    } | changes


def fill(**changes: Any) -> dict[str, Any]:
    return {
        "id": 19_814_995_255_305,
        "orderId": ORDER_ID,
        "tradeId": 11_029_373_945_659_392,
        "symbol": "BTC-USDT",
        "side": "buy",
        "liquidity": "taker",
        "type": "limit",
        "price": "67717.6",
        "size": "0.00001",
        "funds": "0.677176",
        "fee": "0.000677176",
        "feeRate": "0.001",
        "feeCurrency": "USDT",
        "createdAt": PLACED_MS + 29,
    } | changes


def paged(*items: dict[str, Any], last: int = 0) -> dict[str, Any]:
    return {"lastId": last, "items": list(items)}


def listing(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTC-USDT",
        "name": "BTC-USDT",
        "baseCurrency": "BTC",
        "quoteCurrency": "USDT",
        "feeCurrency": "USDT",
        "baseMinSize": "0.00001",
        "quoteMinSize": "0.2",
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": "0.00000001",
        "quoteIncrement": "0.000001",
        "priceIncrement": "0.1",
        "minFunds": "0.1",
        "enableTrading": True,
        "callauctionIsEnabled": False,
    } | changes


def ticker() -> dict[str, Any]:
    return {
        "time": PLACED_MS,
        "sequence": "14609309753",
        "price": "67269",
        "size": "0.000025",
        "bestBid": "67267.5",
        "bestBidSize": "0.000025",
        "bestAsk": "67267.6",
        "bestAskSize": "1.24808993",
    }


def accounts() -> list[dict[str, Any]]:
    return [
        {
            "id": "1",
            "currency": "USDT",
            "type": "trade",
            "balance": "27",
            "available": "26.5",
            "holds": "0.5",
        },
        {
            "id": "2",
            "currency": "USDT",
            "type": "main",
            "balance": "9",
            "available": "9",
            "holds": "0",
        },
    ]


def fees() -> list[dict[str, Any]]:
    return [
        {"symbol": "ETH-USDT", "takerFeeRate": "0.002", "makerFeeRate": "0.0005"},
        {"symbol": "BTC-USDT", "takerFeeRate": "0.001", "makerFeeRate": "-0.00005"},
    ]


def api_key(**changes: Any) -> dict[str, Any]:
    return {
        "remark": "trading",
        "apiKey": "6705f5c311545b000157d3eb",
        "apiVersion": 3,
        "permission": "General,Spot",
        "ipWhitelist": "203.0.113.7",
        "createdAt": PLACED_MS,
        "uid": 165_111_215,
        "isMaster": True,
    } | changes


def candles() -> list[list[str]]:
    """Newest first: time, open, close, high, low, volume, turnover."""
    return [
        ["1566789720", "10411.5", "10401.9", "10411.5", "10396.3", "29.11", "302889.3"],
        ["1566789660", "10416", "10411.5", "10422.3", "10411.5", "15.61", "162703.7"],
    ]


def token() -> dict[str, Any]:
    return {
        "token": "2neAiuYvAU737TOajb2U3uT8AEZqSWYe0fBD4LoHuXJDSC7gIzJiH4kNTWhCPISWo6nDpAe7aUaa==",
        "instanceServers": [
            {
                "endpoint": "wss://ws-api-spot.kucoin.com/",
                "encrypt": True,
                "protocol": "websocket",
                "pingInterval": 18_000,
                "pingTimeout": 10_000,
            }
        ],
    }


def order_event(**changes: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "topic": "/spotMarket/tradeOrdersV2",
        "subject": "orderChange",
        "channelType": "private",
        "data": {
            "symbol": "KCS-USDT",
            "orderType": "limit",
            "side": "sell",
            "orderId": "5efab07953bdea00089965fa",
            "type": "match",
            "orderTime": 1_593_487_482_038_606_180,
            "matchPrice": "0.96738",
            "matchSize": "0.1",
            "tradeId": "5efab07a4ee4c7000a82d6d9",
            "clientOid": "1593487481000313",
            "status": "match",
            "ts": 1_593_487_482_038_606_180,
        }
        | changes,
    }
