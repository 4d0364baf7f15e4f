"""Round trips: from flat to a position and back, the unit that wins or loses."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from portfolio.core.flow import Flow
from shared.domain.enums import ExitReason
from shared.domain.ids import DecisionId, Symbol
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """`cost` and `proceeds` are net of fees (cost has them added, proceeds taken off).

    `slippage` is in them too. `origin` is the source that believed in the entry, `decision_id` the
    verdict it was made for.
    """

    trip_id: str
    symbol: Symbol
    opened_at: datetime
    closed_at: datetime | None = None
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    cost: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    exit_reason: ExitReason | None = None
    slippage: Decimal = ZERO
    origin: str = ""
    decision_id: DecisionId | None = None

    @property
    def held(self) -> Decimal:
        """What was bought and not sold yet."""
        return exact(MONEY.subtract(self.bought, self.sold))

    @property
    def pnl(self) -> Decimal:
        """What the trip earned, once it is closed."""
        return exact(MONEY.subtract(self.proceeds, self.cost))

    @property
    def return_ratio(self) -> Decimal:
        return exact(MONEY.divide(self.pnl, self.cost)) if self.cost else ZERO


def begin_trip(trip_id: str, symbol: Symbol, at: datetime) -> RoundTrip:
    return RoundTrip(trip_id=trip_id, symbol=symbol, opened_at=at)


def extend(trip: RoundTrip, flow: Flow) -> RoundTrip:
    fees = exact(MONEY.add(trip.fees, flow.fee_quote))
    slippage = exact(MONEY.add(trip.slippage, flow.slippage))
    if flow.base >= 0:
        return replace(
            trip,
            bought=exact(MONEY.add(trip.bought, flow.base)),
            cost=exact(MONEY.subtract(trip.cost, flow.quote)),
            fees=fees,
            slippage=slippage,
        )
    return replace(
        trip,
        sold=exact(MONEY.subtract(trip.sold, flow.base)),
        proceeds=exact(MONEY.add(trip.proceeds, flow.quote)),
        fees=fees,
        slippage=slippage,
    )


def close(trip: RoundTrip, at: datetime, reason: ExitReason | None) -> RoundTrip:
    return replace(trip, closed_at=at, exit_reason=reason)
