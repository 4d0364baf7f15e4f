"""What is answered has the fields and the kinds of values of KuCoin's own examples."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.simulator.kucoin_served import LIMIT_BUY, Served, served_kucoin

EXAMPLES = (
    Path(__file__).parents[4] / "shared" / "fixtures" / "kucoin" / "official_openapi_examples"
)
ORDERS = "/api/v1/hf/orders"
BTC_ONLY = {"symbol": "BTC-USDT"}
# example: path, query, body; a place is filled from what was placed before
QUESTIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "spot.market.getServerTime": ("/api/v1/timestamp", {}, None),
    "spot.market.getServiceStatus": ("/api/v1/status", {}, None),
    "spot.market.getMarketList": ("/api/v1/markets", {}, None),
    "spot.market.getAllSymbols": ("/api/v2/symbols", {}, None),
    "spot.market.getSymbol": ("/api/v2/symbols/BTC-USDT", {}, None),
    "spot.market.getAllCurrencies": ("/api/v3/currencies", {}, None),
    "spot.market.getCurrency": ("/api/v3/currencies/BTC", {}, None),
    "spot.market.getTicker": ("/api/v1/market/orderbook/level1", BTC_ONLY, None),
    "spot.market.getPartOrderBook": ("/api/v1/market/orderbook/level2_20", BTC_ONLY, None),
    "spot.market.getFullOrderBook": ("/api/v3/market/orderbook/level2", BTC_ONLY, None),
    "spot.market.getAllTickers": ("/api/v1/market/allTickers", {}, None),
    "spot.market.get24hrStats": ("/api/v1/market/stats", BTC_ONLY, None),
    "spot.market.getKlines": ("/api/v1/market/candles", BTC_ONLY | {"type": "1min"}, None),
    "spot.market.getPublicToken": ("/api/v1/bullet-public", {}, {}),
    "spot.market.getPrivateToken": ("/api/v1/bullet-private", {}, {}),
    "account.account.getSpotAccountList": ("/api/v1/accounts", {"type": "trade"}, None),
    "account.account.getSpotAccountDetail": ("/api/v1/accounts/{account}", {}, None),
    "account.account.getSpotAccountType": ("/api/v1/hf/accounts/opened", {}, None),
    "account.account.getApikeyInfo": ("/api/v1/user/api-key", {}, None),
    "account.account.getAccountInfo": ("/api/v2/user-info", {}, None),
    "account.fee.getSpotActualFee": ("/api/v1/trade-fees", {"symbols": "BTC-USDT"}, None),
    "account.fee.getBasicFee": ("/api/v1/base-fee", {}, None),
    "spot.order.addOrder": (ORDERS, {}, LIMIT_BUY | {"clientOid": "e1"}),
    "spot.order.addOrderSync": (f"{ORDERS}/sync", {}, LIMIT_BUY | {"clientOid": "e2"}),
    "spot.order.addOrderTest": (f"{ORDERS}/test", {}, LIMIT_BUY),
    "spot.order.batchAddOrders": (
        f"{ORDERS}/multi",
        {},
        {"orderList": [LIMIT_BUY | {"clientOid": "e3"}, LIMIT_BUY | {"size": "0.000015"}]},
    ),
    "spot.order.batchAddOrdersSync": (
        f"{ORDERS}/multi/sync",
        {},
        {"orderList": [LIMIT_BUY | {"clientOid": "e4"}, LIMIT_BUY | {"size": "0.000015"}]},
    ),
    "spot.order.getOrderByOrderId": (f"{ORDERS}/{{filled}}", BTC_ONLY, None),
    "spot.order.getOrderByClientOid": (f"{ORDERS}/client-order/filled", BTC_ONLY, None),
    "spot.order.getOpenOrders": (f"{ORDERS}/active", BTC_ONLY, None),
    "spot.order.getOpenOrdersByPage": (f"{ORDERS}/active/page", BTC_ONLY, None),
    "spot.order.getClosedOrders": (f"{ORDERS}/done", BTC_ONLY, None),
    "spot.order.getTradeHistory": ("/api/v1/hf/fills", BTC_ONLY, None),
    "spot.order.getSymbolsWithOpenOrder": (f"{ORDERS}/active/symbols", {}, None),
    "spot.order.setDCP": (f"{ORDERS}/dead-cancel-all", {}, {"timeout": 60, "symbols": "BTC-USDT"}),
    "spot.order.getDCP": (f"{ORDERS}/dead-cancel-all/query", {}, None),
    "spot.order.cancelOrderByOrderId": (f"{ORDERS}/{{a}}", BTC_ONLY, None),
    "spot.order.cancelOrderByOrderIdSync": (f"{ORDERS}/sync/{{b}}", BTC_ONLY, None),
    "spot.order.cancelOrderByClientOid": (f"{ORDERS}/client-order/c", BTC_ONLY, None),
    "spot.order.cancelOrderByClientOidSync": (f"{ORDERS}/sync/client-order/d", BTC_ONLY, None),
    "spot.order.cancelAllOrdersBySymbol": (ORDERS, BTC_ONLY, None),
    "spot.order.cancelAllOrders": (f"{ORDERS}/cancelAll", {}, None),
}


@pytest.fixture(scope="module")
def kucoin():
    with served_kucoin() as served:
        for name in "abcdefg":
            served.place(clientOid=name, remark="order remarks", tags="order tags")
        served.place(clientOid="filled", type="market", price=None, size="0.01")
        served.post(f"{ORDERS}/dead-cancel-all", {"timeout": 60, "symbols": "BTC-USDT"})
        yield served


def differences(example: Any, ours: Any, where: str = "") -> list[str]:
    """Return where two documents differ in fields or kinds of values; null fits everything."""
    if example is None or ours is None:
        return []
    if type(example) is not type(ours):
        return [f"{where}: {type(example).__name__} there, {type(ours).__name__} here"]
    if isinstance(example, dict):
        missing = [f"{where}.{key} is missing" for key in example.keys() - ours.keys()]
        surplus = [f"{where}.{key} is not theirs" for key in ours.keys() - example.keys()]
        below = [
            one
            for key in example.keys() & ours.keys()
            for one in differences(example[key], ours[key], f"{where}.{key}")
        ]
        return missing + surplus + below
    if isinstance(example, list) and example and ours:
        pairs = zip(example, ours, strict=False)
        return [
            one for nr, pair in enumerate(pairs) for one in differences(*pair, f"{where}[{nr}]")
        ]
    return []


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_are_shaped_like_the_example(kucoin: Served, name):
    file = EXAMPLES / f"{name}.json"
    if not file.exists():
        pytest.skip(f"KuCoin's examples are not on this machine ({file.name})")
    example = json.loads(file.read_text())
    path, query, body = QUESTIONS[name]

    answer = kucoin.send(example["method"], _filled(kucoin, path), query, body)

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] not in (None, [], {})
    assert differences(example["response_example"], answer.json()) == []


def _filled(kucoin: Served, path: str) -> str:
    if "{" not in path:
        return path
    if "{account}" in path:
        return path.format(account=kucoin.get("/api/v1/accounts", type="trade")[0]["id"])
    name = path.partition("{")[2].rstrip("}")
    order = kucoin.get(f"{ORDERS}/client-order/{name}", symbol="BTC-USDT")
    return path.format(**{name: order["id"]})
