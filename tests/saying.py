"""The smallest fact, numbered: what tests of the plumbing say to one another."""

from datetime import UTC, datetime

from shared.bus.unit_of_work import Transactions
from shared.domain.enums import TradingState
from shared.domain.events import TradingStateChanged
from shared.domain.ids import AccountId

TOPIC = TradingStateChanged.topic
START = datetime(2024, 1, 1, tzinfo=UTC)


def numbered(version: int) -> TradingStateChanged:
    return TradingStateChanged(
        account=AccountId("mock-main"),
        state=TradingState.RUN,
        version=version,
        actor="test",
        reason="counting",
        changed_at=START,
    )


def say(transactions: Transactions, *versions: int) -> None:
    """Say these facts in one transaction."""
    with transactions.begin() as uow:
        for version in versions:
            uow.emit(numbered(version))
