"""Candles, the best prices, and the account, from the venue's documents."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.venue import Balance, FeeRates, KeyPermissions, TopOfBook
from venues.binance_us.parse import expect
from venues.reading import Document, Unreadable

_FIELDS = 7  # the open time to the close time; what follows is not used


def candles(document: Document, symbol: Symbol, interval: Interval) -> Sequence[Candle]:
    """Return candles as told, oldest first; the last may still be open."""
    told = tuple(_candle(one, symbol, interval) for one in document.items())
    for earlier, later in pairwise(told):
        if later.open_at <= earlier.open_at:
            raise Unreadable(f"{document.path}: candles are not in their order")
    return told


def _candle(document: Document, symbol: Symbol, interval: Interval) -> Candle:
    fields = list(document.items())
    if len(fields) < _FIELDS:
        document.refuse(f"a candle of {_FIELDS} fields or more")
    opened, first, high, low, last, volume, closed = fields[:_FIELDS]
    open_at = opened.instant()
    if not open_at < closed.instant() < open_at + interval.delta:  # shorter after an outage
        closed.refuse(f"the end of a candle of {interval}")
    candle = Candle(
        symbol=symbol,
        open_at=open_at,
        closed_at=open_at + interval.delta,
        open=first.positive(),
        high=high.positive(),
        low=low.positive(),
        close=last.positive(),
        volume=volume.amount(),
    )
    inner = (candle.open, candle.close)
    if not candle.low <= min(inner) <= max(inner) <= candle.high:
        raise Unreadable(f"{document.path}: the candle lies outside itself")
    return candle


def top_of_book(
    document: Document, symbol: Symbol, venue_symbol: str, heard_at: datetime
) -> TopOfBook:
    expect(document["symbol"], venue_symbol)
    return TopOfBook(
        symbol=symbol,
        bid=document["bidPrice"].positive(),
        bid_quantity=document["bidQty"].amount(),
        ask=document["askPrice"].positive(),
        ask_quantity=document["askQty"].amount(),
        at=heard_at,
    )


def balances(document: Document) -> Sequence[Balance]:
    return tuple(
        Balance(
            asset=one["asset"].text(30),
            available=one["free"].amount(),
            held=one["locked"].amount(),
        )
        for one in document["balances"].items()
    )


def fee_rates(document: Document, venue_symbol: str) -> FeeRates:
    """Return the account's rates for one instrument, from the list of them."""
    for one in document.items():
        if one["symbol"].text(40) == venue_symbol:
            return FeeRates(
                maker=_ratio(one["makerCommission"]), taker=_ratio(one["takerCommission"])
            )
    raise Unreadable(f"{document.path} holds no fees of {venue_symbol}")


def key_permissions(document: Document) -> KeyPermissions:
    """Return what the key may do, from the endpoint that binance.com documents."""
    return KeyPermissions(
        may_read=document["enableReading"].boolean(),
        may_trade=document["enableSpotAndMarginTrading"].boolean(),
        may_withdraw=document["enableWithdrawals"].boolean(),
        is_ip_restricted=document["ipRestrict"].boolean(),
    )


def account_permissions(document: Document) -> KeyPermissions:
    """Return what the account may do; of the key this is an upper bound.

    An account that may withdraw says nothing of its key, one that may not says it for every key.
    """
    return KeyPermissions(
        may_read=True,
        may_trade=document["canTrade"].boolean(),
        may_withdraw=None if document["canWithdraw"].boolean() else False,
        is_ip_restricted=None,
    )


def _ratio(document: Document) -> Decimal:
    ratio = document.decimal()
    if not -1 < ratio < 1:
        document.refuse("a ratio")
    return ratio
