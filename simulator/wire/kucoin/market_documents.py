"""Instruments, currencies, books and candles as KuCoin writes them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared.domain.candle import Candle
from shared.domain.values import ZERO, to_text
from simulator.engine.model import House, Listing
from simulator.wire.kucoin.house import QUOTE_INCREMENT
from simulator.wire.kucoin.moments import seconds

_DOLLARS = ("USDT", "USDC", "USD")
_LARGEST_FUNDS = "99999999"
_AUCTION = (
    "callauctionPriceFloor",
    "callauctionPriceCeiling",
    "callauctionFirstStageStartTime",
    "callauctionSecondStageStartTime",
    "callauctionThirdStageStartTime",
    "tradingStartTime",
)
Level = tuple[Decimal, Decimal]


def symbol_document(listing: Listing, house: House) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "name": listing.symbol,
        "baseCurrency": listing.base,
        "quoteCurrency": listing.quote,
        "feeCurrency": listing.quote,
        "market": _market(listing),
        "baseMinSize": to_text(listing.min_quantity),
        "quoteMinSize": to_text(listing.min_notional),
        "baseMaxSize": to_text(listing.max_quantity),
        "quoteMaxSize": _LARGEST_FUNDS,
        "baseIncrement": to_text(listing.lot_size),
        "quoteIncrement": to_text(QUOTE_INCREMENT),
        "priceIncrement": to_text(listing.tick_size),
        "priceLimitRate": to_text(house.price_band_ratio),
        "minFunds": to_text(listing.min_notional),
        "isMarginEnabled": False,
        "enableTrading": listing.is_trading,
        "feeCategory": 1,
        "makerFeeCoefficient": "1.00",
        "takerFeeCoefficient": "1.00",
        "st": False,
        "callauctionIsEnabled": False,
    } | dict.fromkeys(_AUCTION)


def currency_document(name: str) -> dict[str, Any]:
    chain = {
        "chainName": name,
        "withdrawalMinSize": "0.001",
        "depositMinSize": None,
        "withdrawFeeRate": "0",
        "withdrawalMinFee": "0.0005",
        "isWithdrawEnabled": False,
        "isDepositEnabled": False,
        "confirms": 3,
        "preConfirms": 1,
        "contractAddress": "",
        "withdrawPrecision": 8,
        "maxWithdraw": None,
        "maxDeposit": None,
        "needTag": False,
        "chainId": name.lower(),
    }
    return {
        "currency": name,
        "name": name,
        "fullName": name,
        "precision": 8,
        "confirms": None,
        "contractAddress": None,
        "isMarginEnabled": False,
        "isDebitEnabled": False,
        "chains": [chain],
    }


def levels(side: Sequence[Level], most: int | None) -> list[list[str]]:
    return [[to_text(price), to_text(quantity)] for price, quantity in side[:most]]


def candle_row(parts: Sequence[Candle]) -> list[str]:
    """Return [time, open, close, high, low, volume, turnover] of what these candles make."""
    turnover = sum((_turnover(part) for part in parts), ZERO)
    return [
        str(seconds(parts[0].open_at)),
        to_text(parts[0].open),
        to_text(parts[-1].close),
        to_text(max(part.high for part in parts)),
        to_text(min(part.low for part in parts)),
        to_text(sum((part.volume for part in parts), ZERO)),
        to_text(turnover),
    ]


def statistics(
    candles: Sequence[Candle], best: tuple[Level, Level], house: House
) -> dict[str, Any]:
    """Return the last 24 hours; `candles` are theirs, oldest first."""
    (bid, bid_size), (ask, ask_size) = best
    first = candles[0].open if candles else bid
    last = candles[-1].close if candles else bid
    volume = sum((one.volume for one in candles), ZERO)
    value = sum((_turnover(one) for one in candles), ZERO)
    return {
        "buy": to_text(bid),
        "bestBidSize": to_text(bid_size),
        "sell": to_text(ask),
        "bestAskSize": to_text(ask_size),
        "changeRate": to_text(_rounded((last - first) / first if first else ZERO, "0.0001")),
        "changePrice": to_text(last - first),
        "high": to_text(max((one.high for one in candles), default=last)),
        "low": to_text(min((one.low for one in candles), default=last)),
        "vol": to_text(volume),
        "volValue": to_text(value),
        "last": to_text(last),
        "averagePrice": to_text(_rounded(value / volume if volume else last, "0.00000001")),
        "takerFeeRate": to_text(house.taker_ratio),
        "makerFeeRate": to_text(house.maker_ratio),
        "takerCoefficient": "1",
        "makerCoefficient": "1",
    }


def _turnover(candle: Candle) -> Decimal:
    """Return the notional traded, at the middle of the four prices."""
    price = (candle.open + candle.high + candle.low + candle.close) / 4
    return _rounded(candle.volume * price, "0.00000001")


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step))


def _market(listing: Listing) -> str:
    if listing.quote in _DOLLARS:
        return "USDS"
    return "BTC" if listing.quote == "BTC" else "ALTS"
