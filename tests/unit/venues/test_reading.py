"""What a venue answers is read without a float, or refused with the path of the field."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from venues.reading import Unreadable, read

UNREADABLE = {
    "nothing": b"",
    "a page": b"<html>503</html>",
    "half a document": b'{"a": [1, 2',
    "two documents": b"{}{}",
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a field named twice": b'{"a": 1, "a": 2}',
    "an endless integer": b'{"a": ' + b"9" * 10_000 + b"}",
    "endless nesting": b"[" * 200_000,
    "bytes that are no text": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_document_is_refused(body):
    with pytest.raises(Unreadable):
        read(body)


def test_a_number_with_a_point_never_becomes_a_float():
    assert read(b'{"a": 0.1000}')["a"].decimal() == Decimal("0.1000")
    assert read(b'{"a": 0.1000}')["a"].value == "0.1000"
    assert read(b'{"a": 1e-8}')["a"].decimal() == Decimal("1E-8")


@pytest.mark.parametrize(
    "value",
    [
        '"NaN"',
        '"1_000"',
        '"0x10"',
        '" 1"',
        '""',
        '"\\u0661"',
        "true",
        "null",
        "[]",
        "1e400",
        '"1e99"',
        '"1e-99"',
        '"' + "1" * 41 + '"',
    ],
)
def test_what_is_no_sensible_number_is_refused(value):
    with pytest.raises(Unreadable, match=r"answer\.price"):
        read(f'{{"price": {value}}}')["price"].decimal()


def test_the_path_of_the_field_is_told():
    document = read(b'{"orders": [{"id": 1}, {"id": "x"}]}')
    second = list(document["orders"].items())[1]
    with pytest.raises(Unreadable, match=r"answer\.orders\[1\]\.id is not an integer: 'x'"):
        second["id"].integer()
    with pytest.raises(Unreadable, match=r"answer\.orders\[1\]\.price is missing"):
        second["price"]


def test_a_field_that_is_missing_or_null_may_be_absent():
    document = read(b'{"a": null, "b": ""}')
    assert document.maybe("a") is None
    assert document.maybe("c") is None
    assert document.maybe("b") is not None


def test_instants_are_counted_in_the_units_of_the_venue():
    document = read(b'{"ms": 1700000000123, "s": "1700000000", "iso": "2023-11-14T22:13:20Z"}')
    assert document["ms"].instant() == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert document["s"].instant(timedelta(seconds=1)) == datetime(
        2023, 11, 14, 22, 13, 20, tzinfo=UTC
    )
    assert document["iso"].iso_instant() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["0", "-1", "99999999999999999999999999999", '"soon"', "true", "1.5"]
)
def test_an_instant_of_no_sensible_year_is_refused(value):
    with pytest.raises(Unreadable):
        read(f'{{"at": {value}}}')["at"].instant()


@pytest.mark.parametrize("value", ["2023-11-14T22:13:20", "0001-01-01T00:00:00+23:00", "never", ""])
def test_a_written_instant_needs_its_offset(value):
    with pytest.raises(Unreadable):
        read(f'{{"at": "{value}"}}')["at"].iso_instant()


def test_signs_are_kept_to():
    document = read(b'{"minus": "-1", "zero": "0.00", "text": "x", "unprintable": "\\ud800"}')
    assert document["minus"].decimal() == -1
    assert document["zero"].amount() == 0
    for wrong in (
        document["minus"].amount,
        document["zero"].positive,
        document["unprintable"].text,
        document["text"].boolean,
    ):
        with pytest.raises(Unreadable):
            wrong()
