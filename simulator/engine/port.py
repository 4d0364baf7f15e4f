"""What the wires ask of the exchange. All methods may be called from any thread."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from simulator.engine.model import (
    Depth,
    Execution,
    Funds,
    House,
    Listing,
    NewOrder,
    OrderChanged,
    SimulatedOrder,
)


class ExchangePort(Protocol):
    @property
    def house(self) -> House: ...

    @property
    def listings(self) -> Mapping[Symbol, Listing]: ...

    def now(self) -> datetime:
        """Return the exchange's time, which a fault may have moved."""
        ...

    def depth(self, symbol: Symbol) -> Depth: ...

    def candles(
        self, symbol: Symbol, interval: Interval, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        """Return candles that open in [start, end), oldest first, the open one last."""
        ...

    def funds(self, account: str) -> Mapping[str, Funds]: ...

    def submit(self, order: NewOrder) -> SimulatedOrder:
        """Accept an order, match it at once as far as it goes, and return it as it then stands.

        Raises:
            Refusal: with the reason; nothing of it exists.
        """
        ...

    def cancel(self, account: str, venue_order_id: str) -> SimulatedOrder:
        """Raises Refusal (UNKNOWN_ORDER) where nothing open has this id."""
        ...

    def orders(self, account: str) -> Sequence[SimulatedOrder]:
        """Return every order as it may be read by now, newest first: reads may lag (a fault)."""
        ...

    def executions(self, account: str) -> Sequence[Execution]:
        """Return every execution as it may be read by now, newest first."""
        ...

    def arm_dead_man(self, account: str, seconds: float, symbols: Sequence[Symbol]) -> None:
        """Cancel everything on these symbols (all when empty) unless called again; 0 disarms."""
        ...

    def subscribe(self, account: str, hear: Callable[[OrderChanged], None]) -> Callable[[], None]:
        """Tell `hear` every change from now on, in order; the result ends that.

        The execution that completes an order is told once, as EXECUTED with state FILLED; ENDED is
        for orders that were canceled or expired. `hear` must not block.
        """
        ...
