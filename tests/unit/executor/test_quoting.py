"""The best prices that are told: of all that is traded, in turns, dated by the oldest."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from executor.tasks.line import Pauses
from executor.tasks.quoting import Quoter
from shared.bus.history import last_events
from shared.domain.clock import SystemClock
from shared.domain.events import QuotesSeen
from shared.domain.venue import RateUse, TopOfBook
from tests.builders import ACCOUNT
from tests.unit.executor.venue_room import RULES, SaidVenue, VenueRoom, open_account
from venues.errors import VenueAway

D = Decimal
SYMBOLS = tuple(f"C{number:02}-USDT" for number in range(40))


class QuotingVenue(SaidVenue):
    def __init__(self):
        super().__init__()
        self.asked, self.used, self.prices = [], 0.0, {}

    def rate_use(self):
        return RateUse(used_ratio=self.used)

    def top_of_book(self, symbol):
        self.asked.append(symbol)
        if symbol in self.prices and self.prices[symbol] is None:
            raise VenueAway("kucoin", "no answer")
        bid, ask = self.prices.get(symbol, ("99", "100"))
        now = SystemClock().now()
        return TopOfBook(
            symbol=symbol, bid=D(bid), bid_quantity=D(1), ask=D(ask), ask_quantity=D(1), at=now
        )


class Room:
    def __init__(self, engine, symbols=SYMBOLS[:2], leads=True, **pauses):
        open_account(engine)
        self.venue = QuotingVenue()
        room = VenueRoom(engine, self.venue)
        if leads:
            room.lead()
        self.line = replace(room.line, symbols=symbols, pauses=Pauses(**pauses))
        self.line.board.learn_rules(dict.fromkeys(symbols, RULES))
        self.quoter = Quoter(line=self.line)

    def rounds(self, count):
        for _ in range(count):
            self.quoter.round()

    def told(self):
        with self.line.transactions.read() as connection:
            found = last_events(
                connection, topic=QuotesSeen.topic, stream=ACCOUNT,
                before=SystemClock().now() + timedelta(days=1), limit=100,
            )  # fmt: skip
        return [envelope.event for envelope in found]


def told_symbols(fact):
    return [one.symbol for one in fact.quotes]


def test_the_best_prices_of_everything_traded_are_told_at_once_and_dated_by_the_oldest(engine):
    room = Room(engine, quotes=0.5)
    before = SystemClock().now()
    room.rounds(1)
    (fact,) = room.told()
    assert told_symbols(fact) == list(SYMBOLS[:2])
    assert [(one.bid, one.ask) for one in fact.quotes] == [(D(99), D(100))] * 2
    assert (fact.venue, fact.account) == ("kucoin", ACCOUNT)
    dated = [room.line.board.quote(symbol).at for symbol in SYMBOLS[:2]]
    assert before <= fact.seen_at == min(dated)


def test_prices_are_asked_for_in_turns_before_they_grow_old(sqlite_engine):
    room = Room(sqlite_engine, SYMBOLS, quotes=10.0)
    room.rounds(1)
    assert room.venue.asked == list(SYMBOLS[:2])  # 40 within 20 seconds, a round a second
    room.rounds(19)
    assert room.venue.asked == list(SYMBOLS)
    room.rounds(5)
    assert len(room.venue.asked) == len(SYMBOLS)  # all are fresh
    assert len(room.told()) == 1  # and are told when the pause is over


def test_what_others_asked_for_is_told_and_not_asked_for_again(sqlite_engine):
    room = Room(sqlite_engine)
    room.line.ask_quote(SYMBOLS[0])
    room.line.ask_quote(SYMBOLS[1])
    room.rounds(3)
    assert len(room.venue.asked) == 2
    assert [told_symbols(fact) for fact in room.told()] == [list(SYMBOLS[:2])]


def test_what_was_told_is_not_told_again(sqlite_engine):
    room = Room(sqlite_engine, SYMBOLS[:1])
    room.rounds(1)
    room.quoter._said.next = 0.0
    room.rounds(1)
    assert len(room.told()) == 1


def test_a_used_up_rate_limit_leaves_asking_to_those_that_must(sqlite_engine):
    room = Room(sqlite_engine)
    room.venue.used = 0.6
    room.line.ask_quote(SYMBOLS[0])  # as the protector does
    room.rounds(2)
    assert room.venue.asked == [SYMBOLS[0]]
    assert [told_symbols(fact) for fact in room.told()] == [[SYMBOLS[0]]]


def test_without_the_lease_nothing_is_asked_and_nothing_told(sqlite_engine):
    room = Room(sqlite_engine, leads=False)
    room.rounds(2)
    assert room.venue.asked == []
    assert room.told() == []


@pytest.mark.parametrize("prices", [("101", "100"), ("0", "100"), ("-1", "100")])
def test_prices_that_cannot_be_are_not_told(sqlite_engine, prices):
    room = Room(sqlite_engine)
    room.venue.prices[SYMBOLS[0]] = prices
    room.rounds(1)
    room.quoter._said.next = 0.0
    room.rounds(1)
    assert [told_symbols(fact) for fact in room.told()] == [[SYMBOLS[1]]]


def test_a_venue_that_does_not_answer_for_one_keeps_nothing_back_of_the_others(sqlite_engine):
    room = Room(sqlite_engine)
    room.line.ask_quote(SYMBOLS[1])
    room.venue.prices[SYMBOLS[0]] = None
    with pytest.raises(VenueAway):
        room.rounds(1)
    assert [told_symbols(fact) for fact in room.told()] == [[SYMBOLS[1]]]


def test_one_that_is_never_answered_does_not_hold_up_the_others(sqlite_engine):
    room = Room(sqlite_engine)
    room.venue.prices[SYMBOLS[0]] = None
    with pytest.raises(VenueAway):
        room.rounds(1)
    room.rounds(1)
    assert room.venue.asked == list(SYMBOLS[:2])
