"""What the tasks of a venue behind a network share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event

from executor.core.claiming import Ceilings
from executor.core.planning import OrderPolicy
from executor.core.protecting import Guard
from executor.handlers.journal import Journal
from executor.tasks.board import Board
from executor.tasks.leading import Leadership
from shared.bus.consumer import in_one_line
from shared.bus.unit_of_work import Transactions
from shared.domain.ids import AccountId, ClientOrderId, Symbol
from shared.domain.venue import TopOfBook
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics
from venues.errors import RateLimited, VenueError
from venues.port import SpotVenue

log = get_logger()

# who is rung when there is something to send, to cancel, to look at
SENDER, CANCELER = "executor.sender", "executor.canceler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """Seconds between two rounds of each task."""

    poll: float = 0.25
    resolve: float = 2.0
    open_orders: float = 10.0
    balances: float = 60.0
    history: float = 21_600.0
    ticks: float = 1.0
    quotes: float = 10.0
    clock: float = 20.0
    rules: float = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`reach` is told where an order is (crash tests stop the process there)."""

    account: AccountId
    mode: str
    venue: SpotVenue
    symbols: tuple[Symbol, ...]
    transactions: Transactions
    journal: Journal
    board: Board
    leadership: Leadership
    policy: OrderPolicy
    ceilings: Ceilings
    guard: Guard
    pauses: Pauses
    metrics: Metrics
    reach: Callable[[str], None]
    to_look_at: SimpleQueue[ClientOrderId] = field(default_factory=SimpleQueue[ClientOrderId])
    account_in_doubt: Event = field(default_factory=Event)

    def ring(self, task: str) -> None:
        """Wake a task, in whichever process it lives."""
        self.transactions.doorbell.ring([task])

    def may_act(self) -> bool:
        return self.leadership.token is not None

    def fresh_quote(self, symbol: Symbol) -> TopOfBook | None:
        """Return a price young enough to claim with, asked for if need be."""
        quote = self.board.quote(symbol)
        now = self.board.clock.now()
        if quote is not None and now - quote.at < self.ceilings.max_quote_age / 2:
            return quote
        try:
            return self.ask_quote(symbol)
        except VenueError as error:
            if self.board.is_news(f"quote.missing {symbol}"):
                log.warning("quote.missing", symbol=symbol, error=error.detail)
            return None

    def ask_quote(self, symbol: Symbol) -> TopOfBook:
        """Return the price of now.

        Raises:
            VenueError: it cannot be had; whoever asks what the venue is doing is told why.
        """
        try:
            quote = self.venue.top_of_book(symbol)
        except VenueError as error:
            self.board.silence = error.detail
            raise
        self.heard()
        self.board.learn_quote(quote)
        return quote

    def heard(self) -> None:
        """The venue answered: whatever it was silent about is over."""
        if self.board.silence is not None:
            self.board.silence = None
            log.info("venue.answers_again", venue=self.venue.name)


def attempt(work: Callable[[], object], name: str) -> float:
    """Do `work`; return how many seconds to leave the venue alone, 0 where it does not say."""
    try:
        work()
    except RateLimited as error:
        log.warning("task.rate_limited", task=name, error=error.detail)
        return error.retry_after_seconds
    except Exception as error:  # noqa: BLE001 - the next round tries again; meanwhile nothing is believed
        log.warning("task.again", task=name, error=in_one_line(error))
    return 0.0
