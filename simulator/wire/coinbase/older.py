"""Version 2, the older public interface beside this one: only what clients of both ask it for."""

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.clock import EPOCH
from shared.domain.ids import Symbol, derive
from shared.domain.values import MONEY, plain, to_text
from simulator.wire.coinbase.calls import Call
from simulator.wire.coinbase.documents import FIAT
from simulator.wire.coinbase.market_documents import middle

_SMALL = Decimal(1).scaleb(-16)


def time(call: Call) -> Any:
    now = call.exchange.now().astimezone(UTC)
    seconds = (now - EPOCH) // timedelta(seconds=1)
    return {"data": {"iso": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "epoch": seconds}}


def currencies(call: Call) -> Any:
    found = sorted(_assets(call) & FIAT)
    return {"data": [{"id": one, "name": one, "min_size": "0.01000000"} for one in found]}


def crypto_currencies(call: Call) -> Any:
    found = sorted(_assets(call) - FIAT)
    return {
        "data": [
            {
                "code": asset,
                "name": asset,
                "color": "#627EEA",
                "sort_index": 100 + position,
                "exponent": 8,
                "type": "crypto",
                "address_regex": "",
                "asset_id": derive("coinbase.asset", asset),
            }
            for position, asset in enumerate(found)
        ]
    }


def exchange_rates(call: Call) -> Any:
    """How much of each asset one dollar buys, for those traded against it."""
    currency = call.one("currency") or "USD"
    rates = {currency: "1"}
    for asset in sorted(_assets(call)):
        symbol = Symbol(f"{asset}-{currency}")
        mid = middle(call.exchange.depth(symbol)) if symbol in call.exchange.listings else None
        if mid:
            rates[asset] = to_text(
                plain(MONEY.divide(Decimal(1), mid).quantize(_SMALL, context=MONEY))
            )
    return {"data": {"currency": currency, "rates": rates}}


def _assets(call: Call) -> set[str]:
    listings = call.exchange.listings.values()
    return {asset for one in listings for asset in (one.base, one.quote)}
