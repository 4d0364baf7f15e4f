"""Where orders live and trade: accepted, matched, rested, ended. One thread at a time."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from shared.domain.ids import Symbol, derive
from shared.domain.values import ZERO
from simulator.engine.book import Books, Levels, for_quantity, for_quote, is_within
from simulator.engine.ledger import HOUSE_ACCOUNT, Hold, Ledger
from simulator.engine.model import (
    Change,
    Execution,
    House,
    Listing,
    NewOrder,
    OrderChanged,
    Refusal,
    Rejection,
    SimulatedOrder,
    State,
)
from simulator.market_path import draw, draw_ratio

_ONE = Decimal(1)
_FEE_STEP = Decimal("0.00000001")
_FIRST_NUMBERS = 1_000_000


@dataclass(slots=True, kw_only=True)
class Desk:
    """`orders`, `open` by venue order id; `snapshots` are copies that never change."""

    seed: int
    house: House
    books: Books
    ledger: Ledger
    orders: dict[str, SimulatedOrder] = field(default_factory=dict[str, SimulatedOrder])
    open: dict[str, SimulatedOrder] = field(default_factory=dict[str, SimulatedOrder])
    snapshots: dict[str, SimulatedOrder] = field(default_factory=dict[str, SimulatedOrder])
    executions: list[Execution] = field(default_factory=list[Execution])
    traded: Counter[str] = field(default_factory=Counter[str])
    outbox: list[OrderChanged] = field(default_factory=list[OrderChanged])
    queues: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def listing(self, order: NewOrder) -> Listing:
        return self.books.markets[order.symbol].listing

    def accept(self, asked: NewOrder, at: datetime) -> SimulatedOrder:
        """Take an order that the rules let pass, and match it at once.

        Raises:
            Refusal: INSUFFICIENT_FUNDS, or MIN_QUANTITY where the money buys no lot.
        """
        levels = self._takable(asked, at) if asked.order_type is OrderType.MARKET else ()
        order = self._new(asked, sum((quantity for _, quantity in levels), ZERO), at)
        if order.quantity < self.listing(asked).min_quantity:
            raise Refusal(Rejection.MIN_QUANTITY, f"quantity {order.quantity} is too little")
        self._can_pay(order, levels)
        self.orders[order.venue_order_id] = self.open[order.venue_order_id] = order
        self.rehold(order)
        self._say(Change.ACCEPTED, order)
        if asked.order_type is OrderType.MARKET:
            self._take(order, levels, at)
            self._end_unless_filled(order, at)
        elif order.state is not State.PENDING:
            self.match(order, at)
        return self.snapshots[order.venue_order_id]

    def _new(self, asked: NewOrder, takable: Decimal, at: datetime) -> SimulatedOrder:
        number = draw(self.seed, "first order") % _FIRST_NUMBERS + len(self.orders) + 1
        is_stop = asked.order_type is OrderType.STOP_LIMIT
        return SimulatedOrder(
            venue_order_id=derive("simulated order", self.house.name, str(self.seed), str(number)),
            number=number,
            asked=asked,
            quantity=takable if asked.quantity is None else asked.quantity,
            state=State.PENDING if is_stop else State.OPEN,
            accepted_at=at,
            updated_at=at,
        )

    def _takable(self, asked: NewOrder, at: datetime) -> Levels:
        levels = self.books.opposite(asked.symbol, asked.side, at)
        if asked.quantity is not None:
            return for_quantity(levels, asked.quantity)
        is_paid_on_top = asked.side is Side.BUY and not self.house.is_fee_in_received
        ratio = self.house.taker_ratio if is_paid_on_top else ZERO
        lot_size = self.listing(asked).lot_size
        return for_quote(levels, asked.quote_quantity or ZERO, ratio, lot_size)

    def _can_pay(self, order: SimulatedOrder, levels: Levels) -> None:
        asked = order.asked
        hold = self.needed(order)
        if asked.order_type is OrderType.MARKET and asked.side is Side.BUY:
            cost = sum((price * quantity for price, quantity in levels), ZERO)
            hold = replace(hold, amount=max(cost * self._on_top(), asked.quote_quantity or ZERO))
        elif asked.order_type is OrderType.MARKET:
            hold = replace(hold, amount=order.quantity)
        available = self.ledger.available(asked.account, hold.asset)
        if hold.amount > available:
            detail = f"{hold.amount} {hold.asset} needed, {available} available"
            raise Refusal(Rejection.INSUFFICIENT_FUNDS, detail)

    def _on_top(self) -> Decimal:
        """Return what a buyer pays per quote of notional, at most."""
        if self.house.is_fee_in_received:
            return _ONE
        return _ONE + max(self.house.maker_ratio, self.house.taker_ratio)

    def needed(self, order: SimulatedOrder) -> Hold:
        """Return what the rest of an open order must hold."""
        asked, listing = order.asked, self.listing(order.asked)
        left = order.quantity - order.filled_quantity
        if order.state.is_over or asked.order_type is OrderType.MARKET:
            left = ZERO
        if asked.side is Side.SELL:
            return Hold(account=asked.account, asset=listing.base, amount=left)
        amount = left * (asked.limit_price or ZERO) * self._on_top()
        return Hold(account=asked.account, asset=listing.quote, amount=amount)

    def rehold(self, order: SimulatedOrder) -> None:
        hold = self.needed(order)
        if hold.amount:
            self.ledger.holds[order.venue_order_id] = hold
        else:
            self.ledger.holds.pop(order.venue_order_id, None)

    def expected_holds(self) -> Mapping[str, Hold]:
        holds = {name: self.needed(order) for name, order in self.open.items()}
        return {name: hold for name, hold in holds.items() if hold.amount}

    def match(self, order: SimulatedOrder, at: datetime) -> None:
        """Take what an order reaches at once; the rest is rested or ended by its time in force."""
        asked = order.asked
        reached = [
            level
            for level in self.books.opposite(asked.symbol, asked.side, at)
            if is_within(level[0], asked.limit_price, asked.side)
        ]
        levels = for_quantity(tuple(reached), order.quantity - order.filled_quantity)
        within = sum((quantity for _, quantity in levels), ZERO)
        if asked.time_in_force is TimeInForce.FOK and within < order.quantity:
            self.end(order, State.EXPIRED, at)
            return
        self._take(order, levels, at)
        if asked.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self._end_unless_filled(order, at)
        elif not order.state.is_over:
            self.queues[order.venue_order_id] = self._queue(order, at)

    def _queue(self, order: SimulatedOrder, at: datetime) -> Decimal:
        """Return how much stands before an order that begins to rest, by a seeded share."""
        levels = self.books.opposite(order.asked.symbol, order.asked.side.opposite, at)
        best = levels[0][1] if levels else ZERO
        return best * draw_ratio(self.seed, "queue", order.number)

    def _take(self, order: SimulatedOrder, levels: Levels, at: datetime) -> None:
        for level in levels:
            self.books.take(order.asked.symbol, order.asked.side, at, level)
            self.execute(order, level, Liquidity.TAKER, at)

    def _end_unless_filled(self, order: SimulatedOrder, at: datetime) -> None:
        if not order.state.is_over:
            self.end(order, State.EXPIRED, at)

    def execute(
        self,
        order: SimulatedOrder,
        level: tuple[Decimal, Decimal],
        liquidity: Liquidity,
        at: datetime,
    ) -> None:
        """Trade with the house: base, quote and fee move, and the hold shrinks."""
        asked, listing = order.asked, self.listing(order.asked)
        price, quantity = level
        fee, fee_asset = self._fee(asked.side, level, liquidity, listing)
        execution = Execution(
            trade_id=self._next_trade(asked.symbol),
            venue_order_id=order.venue_order_id,
            client_order_id=asked.client_order_id,
            account=asked.account,
            symbol=asked.symbol,
            side=asked.side,
            quantity=quantity,
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            liquidity=liquidity,
            at=at,
        )
        buyer, seller = asked.account, HOUSE_ACCOUNT
        if asked.side is Side.SELL:
            buyer, seller = seller, buyer
        self.ledger.move(seller, buyer, listing.base, quantity)
        self.ledger.move(buyer, seller, listing.quote, quantity * price)
        self.ledger.move(asked.account, HOUSE_ACCOUNT, fee_asset, fee)
        order.executions.append(execution)
        self.executions.append(execution)
        order.updated_at = at
        if order.filled_quantity >= order.quantity:
            self._close(order, State.FILLED)
        self.rehold(order)
        self._say(Change.EXECUTED, order, execution)

    def _next_trade(self, symbol: Symbol) -> str:
        counted = symbol if self.house.has_trades_by_symbol else ""
        self.traded[counted] += 1
        return str(draw(self.seed, "first trade") % _FIRST_NUMBERS + self.traded[counted])

    def _fee(
        self, side: Side, level: tuple[Decimal, Decimal], liquidity: Liquidity, listing: Listing
    ) -> tuple[Decimal, str]:
        price, quantity = level
        is_maker = liquidity is Liquidity.MAKER
        ratio = self.house.maker_ratio if is_maker else self.house.taker_ratio
        is_in_base = side is Side.BUY and self.house.is_fee_in_received
        amount = quantity if is_in_base else quantity * price
        fee = (amount * ratio).quantize(_FEE_STEP, ROUND_DOWN)
        return fee, listing.base if is_in_base else listing.quote

    def end(self, order: SimulatedOrder, state: State, at: datetime) -> None:
        order.updated_at = at
        self._close(order, state)
        self.rehold(order)
        self._say(Change.ENDED, order)

    def _close(self, order: SimulatedOrder, state: State) -> None:
        order.state = state
        self.open.pop(order.venue_order_id, None)
        self.queues.pop(order.venue_order_id, None)

    def _say(
        self, change: Change, order: SimulatedOrder, execution: Execution | None = None
    ) -> None:
        copy = self.keep(order)
        self.outbox.append(OrderChanged(change=change, order=copy, execution=execution))

    def keep(self, order: SimulatedOrder) -> SimulatedOrder:
        """Store and return a copy that nobody changes."""
        copy = replace(order, executions=list(order.executions))
        self.snapshots[order.venue_order_id] = copy
        return copy
