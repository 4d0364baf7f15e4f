"""Answers of Binance.US in its documented shapes, with values of our own."""

from copy import deepcopy

OURS = "f1016c1b-746c-8063-894d-12450317dafa"

SERVER_TIME = {"serverTime": 1700000000123}

ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 4711,
    "orderListId": -1,
    "clientOrderId": OURS,
    "price": "37000.01000000",
    "origQty": "0.00200000",
    "executedQty": "0.00050000",
    "cummulativeQuoteQty": "18.50000000",
    "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "SELL",
    "stopPrice": "0.00000000",
    "icebergQty": "0.00000000",
    "time": 1700000000000,
    "updateTime": 1700000004321,
    "isWorking": True,
    "origQuoteOrderQty": "0.00000000",
    "workingTime": 1700000000000,
    "selfTradePreventionMode": "NONE",
}

PLACED = {
    "symbol": "BTCUSDT",
    "orderId": 4712,
    "orderListId": -1,
    "clientOrderId": OURS,
    "transactTime": 1700000000500,
    "price": "37000.01000000",
    "origQty": "0.00200000",
    "executedQty": "0.00150000",
    "cummulativeQuoteQty": "55.49950000",
    "status": "EXPIRED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": 1700000000500,
    "selfTradePreventionMode": "NONE",
    "fills": [
        {
            "price": "36999.50000000",
            "qty": "0.00100000",
            "commission": "0.00000100",
            "commissionAsset": "BTC",
            "tradeId": 901,
        },
        {
            "price": "37000.00000000",
            "qty": "0.00050000",
            "commission": "0.00000050",
            "commissionAsset": "BTC",
            "tradeId": 902,
        },
    ],
}

CANCELED = {
    "symbol": "BTCUSDT",
    "origClientOrderId": OURS,
    "orderId": 4711,
    "orderListId": -1,
    "clientOrderId": "anameofthecancel",
    "price": "37000.01000000",
    "origQty": "0.00200000",
    "executedQty": "0.00050000",
    "cummulativeQuoteQty": "18.50000000",
    "status": "CANCELED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "SELL",
    "selfTradePreventionMode": "NONE",
}

TRADE = {
    "symbol": "BTCUSDT",
    "id": 901,
    "orderId": 4712,
    "orderListId": -1,
    "price": "36999.50000000",
    "qty": "0.00100000",
    "quoteQty": "36.99950000",
    "commission": "0.00000100",
    "commissionAsset": "BTC",
    "time": 1700000000500,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}

ACCOUNT = {
    "makerCommission": 40,
    "takerCommission": 60,
    "buyerCommission": 0,
    "sellerCommission": 0,
    "canTrade": True,
    "canWithdraw": True,
    "canDeposit": True,
    "updateTime": 1700000000000,
    "accountType": "SPOT",
    "balances": [
        {"asset": "BTC", "free": "0.50000000", "locked": "0.00200000"},
        {"asset": "USDT", "free": "1234.56000000", "locked": "0.00000000"},
    ],
    "permissions": ["SPOT"],
}

FEES = [{"symbol": "BTCUSDT", "makerCommission": "0.004", "takerCommission": "0.006"}]

RESTRICTIONS = {
    "ipRestrict": True,
    "createTime": 1690000000000,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableSpotAndMarginTrading": True,
}

BOOK = {
    "symbol": "BTCUSDT",
    "bidPrice": "36999.99000000",
    "bidQty": "0.25000000",
    "askPrice": "37000.01000000",
    "askQty": "0.10000000",
}

CANDLE = [
    1700000040000,
    "37000.00000000",
    "37010.00000000",
    "36990.00000000",
    "37005.00000000",
    "1.25000000",
    1700000099999,
    "46255.00000000",
    12,
    "0.50000000",
    "18500.00000000",
    "0",
]

LISTED = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01000000",
            "maxPrice": "1000000.00000000",
            "tickSize": "0.01000000",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": "0.00001000",
            "maxQty": "9000.00000000",
            "stepSize": "0.00001000",
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": "20.00000000",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "10.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ],
    "permissions": ["SPOT"],
}

EXCHANGE = {
    "timezone": "UTC",
    "serverTime": 1700000000123,
    "rateLimits": [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": 1200,
        }
    ],
    "exchangeFilters": [],
    "symbols": [LISTED],
}

LISTEN_KEY = {"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}

EXECUTION = {
    "e": "executionReport",
    "E": 1700000000600,
    "s": "BTCUSDT",
    "c": OURS,
    "S": "BUY",
    "o": "LIMIT",
    "f": "IOC",
    "q": "0.00200000",
    "p": "37000.01000000",
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 4712,
    "l": "0.00100000",
    "z": "0.00100000",
    "L": "36999.50000000",
    "n": "0.00000100",
    "N": "BTC",
    "T": 1700000000500,
    "t": 901,
}


def changed(document: dict, **fields: object) -> dict:
    """Return a copy with other values; a field of `...` is taken out."""
    copy = deepcopy(document) | fields
    return {name: value for name, value in copy.items() if value is not ...}
