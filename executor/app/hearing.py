"""What the executor of a venue behind a network hears, and who handles it."""

from collections.abc import Mapping

from executor.handlers.intake import Intake
from executor.handlers.movements import Declared
from executor.tasks.line import CANCELER, SENDER, Line
from shared.bus.consumer import Handler
from shared.domain.events import (
    BalanceMoved,
    CandlesClosed,
    RecommendationApproved,
    TradingStateChanged,
)
from shared.runtime.service import Runtime


def handlers_of(line: Line, runtime: Runtime) -> Mapping[str, Handler]:
    market = runtime.settings.market
    intake = Intake(
        account=line.account,
        market=market.venue,
        interval=market.interval,
        policy=line.policy,
        journal=line.journal,
        ring_sender=lambda: line.ring(SENDER),
        ring_canceler=lambda: line.ring(CANCELER),
    )
    declared = Declared(account=line.account, venue=line.venue.name)
    return {
        RecommendationApproved.topic: intake.on_recommendations_approved,
        TradingStateChanged.topic: intake.on_trading_state_changed,
        CandlesClosed.topic: intake.on_candles_closed,
        BalanceMoved.topic: declared.on_balance_moved,
    }
