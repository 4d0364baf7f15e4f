"""What keys are used for is noted without waiting, written once, and never lost for a bad moment."""

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from shared.http.keys import Principal
from shared.http.uses import Uses

NOON = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
ADA = Principal(name="ada", scope="read", key_id="0a0a0a0a")


class Book:
    def __init__(self):
        self.now, self.rows, self.is_away = NOON, [], False
        self.uses = Uses(self.write, lambda: self.now)

    def write(self, uses):
        if self.is_away:
            raise ConnectionError("gone")
        self.rows += uses

    def read(self, status=200, who=ADA):
        self.uses.note(who, "GET", "/limits", status)


@pytest.fixture
def book():
    return Book()


def test_reading_waits_for_nobody_and_leaves_one_note_a_minute(book):
    book.is_away = True
    for _ in range(1000):
        book.read()
    book.now += timedelta(minutes=1)
    book.read()
    book.is_away = False
    book.uses.flush()
    assert [(one.is_deed, one.at.minute) for one in book.rows] == [(True, 0), (False, 1)]


def test_the_first_use_of_a_day_and_every_refused_one_are_deeds(book):
    for status in (200, 403, 403, 200):
        book.read(status)
    book.now += timedelta(days=1)
    book.read()
    book.uses.flush()
    assert [one.status for one in book.rows if one.is_deed] == [200, 403, 403, 200]


def test_what_may_have_changed_something_is_written_at_once(book):
    book.uses.tell(ADA, "POST", "/halt", 200)
    assert [(one.subject, one.status) for one in book.rows] == [("POST /halt", 200)]


def test_what_could_not_be_written_is_written_later_in_order_and_once(book):
    book.is_away = True
    for route in ("/a", "/b"):
        book.uses.tell(ADA, "POST", route, 200)
    with pytest.raises(ConnectionError):
        book.uses.flush()
    book.is_away = False
    book.uses.flush()
    book.uses.flush()
    assert [one.route for one in book.rows] == ["/a", "/b"]


def test_memory_is_bounded_however_long_the_database_is_away(book, capsys):
    book.is_away = True
    for number in range(10_005):
        book.read(403, Principal(name=f"k{number}", scope="read"))
    book.is_away = False
    book.uses.flush()
    assert len(book.rows) == 10_000
    assert book.rows[-1].principal.name == "k10004"
    assert "key_use.lost" in capsys.readouterr().out


def test_the_last_notes_are_written_when_the_service_stops(book):
    stop = Event()
    stop.set()
    book.read()
    book.uses.run(stop)
    assert len(book.rows) == 1
