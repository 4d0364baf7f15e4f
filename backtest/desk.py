"""What recommender and risk would know and decide, through their own cores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from backtest.inputs import BacktestSpec
from backtest.market import Market
from backtest.surroundings import Record, Tapes
from portfolio.core.books import position_changed
from portfolio.core.position import Position as Owned
from portfolio.core.trades import RoundTrip
from recommender.core import book as view
from recommender.core.proposal import decide
from risk.core.book import Book, book_of
from risk.core.brakes import brake
from risk.core.limits import RiskLimits
from risk.core.reservation import Reservation, follow, reservation
from risk.core.review import Verdict, review_group
from shared.domain.enums import Purpose, TradingState
from shared.domain.events import EquityMarked
from shared.domain.ids import DecisionId, Symbol
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Signal
from shared.domain.values import ZERO
from shared.domain.verdict import Approved

_CLEARLY = 1.0 - 1e-9


@dataclass(slots=True)
class _Pace:
    """Entries approved in the day and in the minute of the latest decision."""

    at: datetime | None = None
    day: date | None = None
    today: int = 0
    this_minute: int = 0

    def move_to(self, now: datetime) -> None:
        minute, day = now.replace(second=0, microsecond=0), now.date()
        if minute != self.at:
            self.at, self.this_minute = minute, 0
        if day != self.day:
            self.day, self.today = day, 0


class Desk:
    """Proposes, reviews, and follows what became of it."""

    def __init__(self, spec: BacktestSpec, market: Market) -> None:
        self._spec = spec
        self._tapes, self._record = Tapes(market), Record()
        self._failure_window = timedelta(seconds=spec.risk.limits.failure_window_seconds)
        self._pace = _Pace()
        self._sources: dict[Symbol, str] = {}
        self._venues = {one.symbol: one.venue for one in spec.risk.instruments.values()}
        self._promises: dict[DecisionId, Reservation] = {}
        self._working: dict[str, OrderSnapshot] = {}
        self.state = TradingState.RUN
        self.positions: dict[Symbol, view.Position] = {}
        self.recommendations: list[Recommendation] = []
        self.verdicts: list[Verdict] = []

    def watch(self, marked: EquityMarked) -> bool:
        """Stop entering once a brake is pulled; nobody is there to resume.

        Returns:
            Whether entering was stopped just now.
        """
        limits = self._spec.risk.limits
        if not _is_near_a_brake(marked, limits):
            return False
        is_stopped = brake(book_of(marked, self.state), limits) is not None
        if is_stopped:
            self.state = TradingState.REDUCE
        return is_stopped

    def decide(self, signals: Sequence[Signal], marked: EquityMarked) -> list[Approved]:
        """Return the approvals about the signals of one shard at one candle."""
        known = self._book()
        issued = decide(signals, known, self._spec.recommender)
        if not issued:
            return []
        book = self._risk(marked, issued)
        verdicts = review_group(issued, book, self._spec.risk, marked.as_of)
        self.recommendations.extend(issued)
        self.verdicts.extend(verdicts)
        approved = [one for one in verdicts if isinstance(one, Approved)]
        for one in approved:
            promised = reservation(one, self._spec.risk.costs)
            self._promises[promised.decision_id] = promised
            self._pace.today += one.purpose is Purpose.ENTRY
            self._pace.this_minute += one.purpose is Purpose.ENTRY
        return approved

    def release(self, approved: Approved) -> None:
        """Take back what was promised to an approval that nobody acted on."""
        self._promises.pop(approved.decision_id, None)

    def hear_order(self, order: OrderSnapshot) -> None:
        """Follow one fact about an order."""
        self._record.hear_order(order)
        if order.status.is_terminal:
            self._working.pop(order.client_order_id, None)
        else:
            self._working[order.client_order_id] = order
        promised = self._promises.get(order.decision_id)
        if promised is None:
            return
        promised = follow(promised, order)
        if promised.is_held:
            self._promises[order.decision_id] = promised
        else:
            del self._promises[order.decision_id]

    def hear_trip(self, trip: RoundTrip) -> None:
        """Follow a round trip that is over."""
        self._record.hear_trip(trip)

    def hear_fill(self, order: OrderSnapshot, fill: Fill, owned: Owned) -> None:
        """Follow one fill and the position the portfolio has after it."""
        if order.purpose is Purpose.ENTRY:
            self._sources[fill.symbol] = order.source
        before = self.positions.get(fill.symbol)
        after = view.filled(before, order, fill)
        fact = position_changed(self._spec.account, owned, fill)
        known = view.changed(after, fact)
        if known is None:
            self.positions.pop(fill.symbol, None)
        else:
            self.positions[fill.symbol] = known

    def _book(self) -> view.Book:
        working = self._working.values()
        return view.Book(
            positions=self.positions,
            entries={order.symbol for order in working if order.purpose is Purpose.ENTRY},
            exits={order.symbol for order in working if order.purpose is Purpose.EXIT},
            state=self.state,
        )

    def _risk(self, marked: EquityMarked, issued: Sequence[Recommendation]) -> Book:
        self._pace.move_to(marked.as_of)
        known = book_of(marked, self.state, self._sources)
        entered = {one.symbol for one in issued if not one.is_reduce_only}
        promised = {one.symbol for one in self._promises.values() if one.amount > ZERO}
        concerned = entered | known.active | promised if entered else ()  # exits ask for no market
        return replace(
            known,
            markets=self._tapes.markets(concerned, marked.as_of),
            conduct=self._record.conduct(marked.as_of, self._failure_window),
            trades_today=self._pace.today,
            orders_this_minute=self._pace.this_minute,
            reservations=self._promises,
            venues=self._venues,
        )


def _is_near_a_brake(marked: EquityMarked, limits: RiskLimits) -> bool:
    """Tell quickly whether it is worth while to look exactly."""
    if float(marked.drawdown_ratio) >= limits.max_drawdown_ratio * _CLEARLY:
        return True
    left = 1.0 - limits.max_day_loss_ratio * _CLEARLY
    return float(marked.equity) <= float(marked.day_start_equity) * left
