"""Documents about our account to values: balances, fees, permissions."""

from decimal import Decimal

from shared.domain.venue import Balance, FeeRates, KeyPermissions
from venues.coinbase.parse import identifier, money
from venues.reading import Document


def balance(account: Document) -> Balance:
    asset = identifier(account["currency"])
    return Balance(
        asset=asset,
        available=_money_of(account["available_balance"], asset),
        held=_money_of(account["hold"], asset),
    )


def _money_of(document: Document, asset: str) -> Decimal:
    currency = document["currency"]
    if currency.text() != asset:
        currency.refuse(asset)
    return money(document["value"])


def fee_rates(summary: Document) -> FeeRates:
    tier = summary["fee_tier"]
    return FeeRates(maker=_ratio(tier["maker_fee_rate"]), taker=_ratio(tier["taker_fee_rate"]))


def _ratio(rate: Document) -> Decimal:
    ratio = money(rate)
    if ratio >= 1:
        rate.refuse("a ratio below 1")
    return ratio


def key_permissions(document: Document) -> KeyPermissions:
    return KeyPermissions(
        may_read=document["can_view"].boolean(),
        may_trade=document["can_trade"].boolean(),
        may_withdraw=document["can_transfer"].boolean(),
        is_ip_restricted=None,
    )
