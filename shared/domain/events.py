"""Every fact the services tell one another, defined once.

`topic` names the fact on the bus; `identity` is its business key, from which the event id derives,
so that saying the same fact again after a crash collides instead of doubling.
"""

from shared.domain.account_events import (
    AccountReconciled,
    BalanceFound,
    BalanceMoved,
    CashMark,
    EquityMarked,
    PositionChanged,
    PositionMark,
    RoundTripClosed,
    TradingAlarmed,
    TradingStateChanged,
)
from shared.domain.market_events import (
    CandlesClosed,
    ModelPromoted,
    QuotesSeen,
    SeenQuote,
    SignalsAggregated,
    SignalsGenerated,
)
from shared.domain.trade_events import (
    ExternalOrder,
    ExternalOrdersSeen,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
    RebalanceStep,
    RebalanceWanted,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationExpired,
    RecommendationsIssued,
    VenueSurprised,
)

__all__ = [
    "EVENT_TYPES",
    "AccountReconciled",
    "BalanceFound",
    "BalanceMoved",
    "CandlesClosed",
    "CashMark",
    "EquityMarked",
    "Event",
    "ExternalOrder",
    "ExternalOrdersSeen",
    "ModelPromoted",
    "OrderAccepted",
    "OrderCanceled",
    "OrderExpired",
    "OrderFilled",
    "OrderRejected",
    "OrderSubmitted",
    "OrderUnknown",
    "PositionChanged",
    "PositionMark",
    "QuotesSeen",
    "RebalanceStep",
    "RebalanceWanted",
    "RecommendationApproved",
    "RecommendationDenied",
    "RecommendationExpired",
    "RecommendationsIssued",
    "RoundTripClosed",
    "SeenQuote",
    "SignalsAggregated",
    "SignalsGenerated",
    "TradingAlarmed",
    "TradingStateChanged",
    "VenueSurprised",
]

Event = (
    CandlesClosed
    | SignalsGenerated
    | SignalsAggregated
    | RecommendationsIssued
    | RecommendationApproved
    | RecommendationDenied
    | RecommendationExpired
    | OrderSubmitted
    | OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCanceled
    | OrderExpired
    | OrderUnknown
    | VenueSurprised
    | ExternalOrdersSeen
    | AccountReconciled
    | PositionChanged
    | EquityMarked
    | TradingStateChanged
    | TradingAlarmed
    | QuotesSeen
    | RoundTripClosed
    | BalanceFound
    | BalanceMoved
    | RebalanceWanted
    | ModelPromoted
)
EVENT_TYPES: tuple[type[Event], ...] = Event.__args__
