"""Shows how the account stands: its drawdown, its exposure, its state and the limits in force."""

from datetime import datetime

from sqlalchemy import Connection

from risk.core.book import Book
from risk.core.exposure import entries_of
from risk.core.limits import RiskLimits
from risk.core.usage import Scope
from risk.handlers.state import show_state
from risk.repository import account, counters
from risk.repository.policy import Opening
from risk.repository.standing import find_standing
from risk.repository.view import view
from shared.domain.values import ZERO
from shared.runtime.metrics import Metrics


def show_account(connection: Connection, opening: Opening, now: datetime, metrics: Metrics) -> None:
    """Show what is written down of an account that has limits, until it is heard of again."""
    owner, found = opening.account, find_standing(connection, opening.account)
    if found is not None:
        entries = entries_of(counters.load_all(connection, owner), now.date(), now)
        book = account.load_book(connection, opening, found, entries, now, view(found.limits))
        show_book(metrics, book, found.limits)


def show_book(metrics: Metrics, book: Book, limits: RiskLimits) -> None:
    metrics.risk_drawdown_ratio.set(float(book.drawdown_ratio))
    metrics.risk_limit_ratio.labels(limit="drawdown").set(limits.max_drawdown_ratio)
    metrics.risk_limit_ratio.labels(limit="exposure").set(limits.max_exposure_ratio)
    show_state(metrics, book.state)
    if book.equity <= ZERO:
        return
    positions = float(book.position_total / book.equity)
    metrics.risk_exposure_ratio.labels(scope=Scope.TOTAL).set(float(book.exposure / book.equity))
    metrics.risk_exposure_ratio.labels(scope="position").set(positions)
    external = float(book.external.total / book.equity)
    metrics.risk_exposure_ratio.labels(scope="external").set(external)
