"""What the venue says of orders, fills and money; every amount is text."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from shared.domain.ids import derive
from shared.domain.values import MONEY, plain, to_text
from simulator.engine.model import Execution, Funds, House, NewOrder, SimulatedOrder, State
from simulator.wire.coinbase.configuration import written
from simulator.wire.coinbase.house import PRICING_TIER
from simulator.wire.coinbase.times import stamp
from simulator.wire.port import SimulatedKey

Document = dict[str, Any]

FIAT = frozenset({"USD", "EUR", "GBP"})
OPENED = "2024-01-02T00:00:00.000000Z"  # when the accounts of the simulated exchange came to be
_SMALL = Decimal(1).scaleb(-16)
_TIME_IN_FORCES = {
    TimeInForce.GTC: "GOOD_UNTIL_CANCELLED",
    TimeInForce.GTD: "GOOD_UNTIL_DATE_TIME",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_OF_EVERY_ORDER: Mapping[str, Any] = {
    "fee": "",
    "pending_cancel": False,
    "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "product_type": "SPOT",
    "reject_message": "",
    "order_placement_source": "RETAIL_ADVANCED",
    "is_liquidation": False,
    "edit_history": (),
    "leverage": "",
    "margin_type": "UNKNOWN_MARGIN_TYPE",
}
_LIQUIDITY = {
    Liquidity.MAKER: "MAKER",
    Liquidity.TAKER: "TAKER",
    Liquidity.UNKNOWN: "UNKNOWN_LIQUIDITY_INDICATOR",
}


def portfolio_id(account: str) -> str:
    return derive("coinbase.portfolio", account)


def user_id(account: str) -> str:
    return derive("coinbase.user", account)


def status(order: SimulatedOrder) -> str:
    """An order ended by the market's lack of liquidity is cancelled; only an end time expires."""
    if order.state is State.FILLED:
        return "FILLED"
    if not order.state.is_over:
        return "OPEN"
    is_past_end = order.state is State.EXPIRED and order.asked.time_in_force is TimeInForce.GTD
    return "EXPIRED" if is_past_end else "CANCELLED"


def time_in_force(order: NewOrder) -> str:
    return _TIME_IN_FORCES[order.time_in_force]


def order_type(order: NewOrder) -> str:
    return order.order_type.upper()


def trigger_status(order: SimulatedOrder) -> str:
    if order.asked.order_type is not OrderType.STOP_LIMIT:
        return "INVALID_ORDER_TYPE"
    return "STOP_TRIGGERED" if order.has_triggered else "STOP_PENDING"


def average_price(order: SimulatedOrder) -> str:
    filled = order.filled_quantity
    return _text(MONEY.divide(order.filled_notional, filled)) if filled else "0"


def completion(order: SimulatedOrder) -> Decimal:
    if order.state is State.FILLED:
        return Decimal(100)
    if not order.quantity:
        return Decimal(0)
    return (100 * order.filled_quantity / order.quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)


def total_fees(order: SimulatedOrder) -> Decimal:
    return sum(order.fees.values(), Decimal(0))


def value_after_fees(order: SimulatedOrder) -> Decimal:
    fees = total_fees(order)
    return order.filled_notional + (fees if order.asked.side is Side.BUY else -fees)


def held_amount(order: SimulatedOrder, house: House) -> Decimal:
    """Return what is still held for it: of a buy in quote with its fee, of a sell in base."""
    if order.state.is_over:
        return Decimal(0)
    left = order.quantity - order.filled_quantity
    if order.asked.side is Side.SELL or order.asked.limit_price is None:
        return left
    return left * order.asked.limit_price * (1 + house.taker_ratio)


def order_document(order: SimulatedOrder, house: House) -> Document:
    asked = order.asked
    is_quote_sized = asked.quote_quantity is not None
    is_canceled = order.state is State.CANCELED and asked.time_in_force in (
        TimeInForce.GTC,
        TimeInForce.GTD,
    )
    return {
        "order_id": order.venue_order_id,
        "product_id": asked.symbol,
        "user_id": user_id(asked.account),
        "order_configuration": written(asked),
        "side": asked.side.upper(),
        "client_order_id": asked.client_order_id,
        "status": status(order),
        "time_in_force": time_in_force(asked),
        "created_time": stamp(order.accepted_at),
        "completion_percentage": to_text(completion(order)),
        "filled_size": _text(order.filled_quantity),
        "average_filled_price": average_price(order),
        "number_of_fills": str(len(order.executions)),
        "filled_value": _text(order.filled_notional),
        "size_in_quote": is_quote_sized,
        "total_fees": _text(total_fees(order)),
        "size_inclusive_of_fees": is_quote_sized,
        "total_value_after_fees": _text(value_after_fees(order)),
        "trigger_status": trigger_status(order),
        "order_type": order_type(asked),
        "settled": order.state.is_over and bool(order.executions),
        "cancel_message": "User requested cancel" if is_canceled else "",
        "outstanding_hold_amount": _text(held_amount(order, house)),
        "last_fill_time": stamp(order.executions[-1].at) if order.executions else None,
        "retail_portfolio_id": portfolio_id(asked.account),
        **_OF_EVERY_ORDER,
    }


def fill_document(execution: Execution, *, is_in_quote: bool) -> Document:
    """`is_in_quote`: fills of an order that was sized in quote tell their size in quote."""
    size = execution.quantity * execution.price if is_in_quote else execution.quantity
    return {
        "entry_id": derive("coinbase.entry", execution.venue_order_id, execution.trade_id),
        "trade_id": execution.trade_id,
        "order_id": execution.venue_order_id,
        "trade_time": stamp(execution.at),
        "trade_type": "FILL",
        "price": to_text(execution.price),
        "size": to_text(size),
        "commission": to_text(execution.fee),
        "product_id": execution.symbol,
        "sequence_timestamp": stamp(execution.at),
        "liquidity_indicator": _LIQUIDITY[execution.liquidity],
        "size_in_quote": is_in_quote,
        "user_id": user_id(execution.account),
        "side": execution.side.upper(),
        "retail_portfolio_id": portfolio_id(execution.account),
    }


def account_document(account: str, asset: str, funds: Funds) -> Document:
    return {
        "uuid": derive("coinbase.account", account, asset),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": to_text(funds.available), "currency": asset},
        "default": True,
        "active": True,
        "created_at": OPENED,
        "updated_at": OPENED,
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if asset in FIAT else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": to_text(funds.held), "currency": asset},
        "retail_portfolio_id": portfolio_id(account),
    }


def fees_document(house: House) -> Document:
    """The volumes and fees of the last days are always told as none: the tier never moves."""
    return {
        "total_volume": 0,
        "total_fees": 0,
        "fee_tier": {
            "pricing_tier": PRICING_TIER,
            "usd_from": "",
            "usd_to": "",
            "taker_fee_rate": to_text(house.taker_ratio),
            "maker_fee_rate": to_text(house.maker_ratio),
            "aop_from": "0",
            "aop_to": "1000000",
            "perps_vol_from": "",
            "perps_vol_to": "",
            "futures_vol_from": "",
            "futures_vol_to": "",
            "volume_types_and_range": [
                {"volume_types": ["VOLUME_TYPE_SPOT"], "vol_from": "0", "vol_to": "10000"}
            ],
        },
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": 0,
        "advanced_trade_only_fees": 0,
        "coinbase_pro_volume": 0,
        "coinbase_pro_fees": 0,
        "total_balance": "",
        "has_promo_fee": False,
        "volume_breakdown": [{"volume_type": "VOLUME_TYPE_SPOT", "volume": 0}],
        "has_cost_plus_commission": False,
    }


def permissions_document(key: SimulatedKey) -> Document:
    return {
        "can_view": True,
        "can_trade": key.may_trade,
        "can_transfer": key.may_withdraw,
        "portfolio_uuid": portfolio_id(key.account),
        "portfolio_type": "DEFAULT",
    }


def portfolios_document(key: SimulatedKey) -> Document:
    portfolio: Mapping[str, Any] = {
        "name": "Default",
        "uuid": portfolio_id(key.account),
        "type": "DEFAULT",
        "deleted": False,
    }
    return {"portfolios": [portfolio]}


def _text(value: Decimal) -> str:
    """Return at most 16 decimals, as the venue's sums have."""
    return to_text(plain(value.quantize(_SMALL, ROUND_HALF_UP, MONEY)))
