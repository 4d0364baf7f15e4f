"""What was really accepted: the truth that every claim about orders is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from simulator.engine.admission import RefusedOrder
from simulator.engine.exchange import Exchange
from simulator.engine.model import Execution, Funds, Rejection, SimulatedOrder, State


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleFill:
    trade_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleOrder:
    """`number` counts accepted orders upwards, and is the id where a venue's ids are numbers."""

    client_order_id: str
    venue_order_id: str
    number: int
    account: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    state: State
    filled_quantity: Decimal
    accepted_at: datetime
    updated_at: datetime
    fills: tuple[OracleFill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleRefusal:
    client_order_id: str
    account: str
    symbol: Symbol
    rejection: Rejection
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """`orders` and `refused` oldest first; `breaches` is empty unless the simulator is broken."""

    venue: str
    now: datetime
    orders: tuple[OracleOrder, ...]
    refused: tuple[OracleRefusal, ...]
    balances: Mapping[str, Mapping[str, Funds]]
    is_conserved: bool
    breaches: Sequence[str]

    def of_client(self, client_order_id: str) -> tuple[OracleOrder, ...]:
        """Return every order that was accepted with this client id: more than one is a double."""
        return tuple(one for one in self.orders if one.client_order_id == client_order_id)


def oracle_of(exchange: Exchange) -> Oracle:
    orders, refused = exchange.everything()
    breaches = exchange.breaches()
    return Oracle(
        venue=exchange.house.name,
        now=exchange.now(),
        orders=tuple(_order(one) for one in orders),
        refused=tuple(_refusal(one) for one in refused),
        balances={name: exchange.funds(name) for name in exchange.accounts()},
        is_conserved=not breaches,
        breaches=breaches,
    )


def _order(order: SimulatedOrder) -> OracleOrder:
    asked = order.asked
    return OracleOrder(
        client_order_id=asked.client_order_id,
        venue_order_id=order.venue_order_id,
        number=order.number,
        account=asked.account,
        symbol=asked.symbol,
        side=asked.side,
        order_type=asked.order_type,
        time_in_force=asked.time_in_force,
        quantity=order.quantity,
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
        state=order.state,
        filled_quantity=order.filled_quantity,
        accepted_at=order.accepted_at,
        updated_at=order.updated_at,
        fills=tuple(_fill(one) for one in order.executions),
    )


def _fill(execution: Execution) -> OracleFill:
    return OracleFill(
        trade_id=execution.trade_id,
        quantity=execution.quantity,
        price=execution.price,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        liquidity=execution.liquidity,
        at=execution.at,
    )


def _refusal(refused: RefusedOrder) -> OracleRefusal:
    return OracleRefusal(
        client_order_id=refused.order.client_order_id,
        account=refused.order.account,
        symbol=refused.order.symbol,
        rejection=refused.rejection,
        detail=refused.detail,
        at=refused.at,
    )
