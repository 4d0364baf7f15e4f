"""Instants as KuCoin writes them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def seconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=1)


def nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def from_milliseconds(number: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=number)


def from_seconds(number: int) -> datetime:
    return _EPOCH + timedelta(seconds=number)
