"""Real money moves only when nothing at all speaks against it, and every objection is said at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from executor.core.gate import Consent, Evidence, fingerprint_of, is_weak, objections
from shared.domain.venue import KeyPermissions

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STRONG = "9f2c7ae41b0d63c85e7f12ab90cd34ef5a6b7c8d9e0f1a2b"
FINGERPRINT = fingerprint_of("live-main", "coinbase", "key")
TRADES_ONLY = KeyPermissions(
    may_read=True, may_trade=True, may_withdraw=False, is_ip_restricted=True
)


def consent(fingerprint, ends_at):
    return Consent(fingerprint=fingerprint, actor="owner", given_at=NOW, ends_at=ends_at)


GOOD = Evidence(
    venue="coinbase",
    is_enabled=True,
    is_real_address=True,
    has_venue_key=True,
    fingerprint=FINGERPRINT,
    confirmed=FINGERPRINT,
    consent=consent(FINGERPRINT, NOW + timedelta(days=1)),
    now=NOW,
    api_keys=(STRONG,),
    has_stored_keys=False,
    permissions=TRADES_ONLY,
    is_said_not_to_withdraw=False,
    max_order_notional=Decimal(100),
    max_orders_per_minute=5,
    clock_offset=timedelta(milliseconds=20),
    is_embedded_database=False,
    settings_at_fault=(),
    schema="0001",
    schema_wanted="0001",
    has_redis=True,
)


def test_nothing_is_said_against_a_start_that_has_everything():
    assert objections(GOOD) == ()


FLAWS = {
    "the venue is off": ({"is_enabled": False}, "EXECUTOR__COINBASE_ENABLED"),
    "a simulator": ({"is_real_address": False}, "EXECUTOR__VENUE_URL"),
    "no key of the venue": ({"has_venue_key": False}, "COINBASE_API_KEY"),
    "not confirmed": ({"confirmed": ""}, "TRADING_LIVE_CONFIRM"),
    "another account confirmed": ({"confirmed": "0" * 16}, "TRADING_LIVE_CONFIRM"),
    "no consent": ({"consent": None}, "trading live enable"),
    "consent for another key": (
        {"consent": consent("0" * 16, NOW + timedelta(days=1))},
        "another account or key",
    ),
    "consent that ended": ({"consent": consent(FINGERPRINT, NOW)}, "ended"),
    "no platform key": ({"api_keys": ()}, "TRADING_API_KEYS"),
    "a weak platform key": ({"api_keys": (STRONG, "changeme" * 5)}, "key 2 is weak"),
    "permissions unknown": ({"permissions": None}, "could not be read"),
    "a key that withdraws": (
        {"permissions": replace(TRADES_ONLY, may_withdraw=True)},
        "may withdraw",
    ),
    "a key of which nobody knows": (
        {"permissions": replace(TRADES_ONLY, may_withdraw=None)},
        "EXECUTOR__KEY_CANNOT_WITHDRAW",
    ),
    "a key that cannot trade": (
        {"permissions": replace(TRADES_ONLY, may_trade=False)},
        "allowed to read and to trade",
    ),
    "a key that cannot read": (
        {"permissions": replace(TRADES_ONLY, may_read=False)},
        "allowed to read and to trade",
    ),
    "no largest order": ({"max_order_notional": None}, "EXECUTOR__MAX_ORDER_NOTIONAL"),
    "no orders per minute": ({"max_orders_per_minute": None}, "EXECUTOR__MAX_ORDERS_PER_MINUTE"),
    "a clock nobody knows": ({"clock_offset": None}, "clock could not be read"),
    "a clock that is fast": ({"clock_offset": timedelta(milliseconds=-501)}, "NTP"),
    "a clock that is slow": ({"clock_offset": timedelta(milliseconds=501)}, "NTP"),
    "an embedded database": ({"is_embedded_database": True}, "DB_HOST"),
    "a database that forgets": (
        {"settings_at_fault": ("sync_binlog = 1 (it is 0)",)},
        "sync_binlog = 1",
    ),
    "a schema behind": ({"schema": None}, "trading db migrate"),
    "a schema ahead": ({"schema": "0002"}, "trading db migrate"),
    "no Redis": ({"has_redis": False}, "REDIS_HOST"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_single_flaw_is_enough_and_is_named_with_its_remedy(flaw):
    changes, words = FLAWS[flaw]
    (found,) = objections(replace(GOOD, **changes))
    assert words in found


def test_all_flaws_are_named_at_once():
    everything = {name: value for changes, _ in FLAWS.values() for name, value in changes.items()}
    assert len(objections(replace(GOOD, **{**everything, "is_enabled": True}))) >= 13


def test_a_venue_that_is_off_was_not_asked_and_is_not_blamed_for_it():
    silent = {"permissions": None, "clock_offset": None, "is_enabled": False}
    (only,) = objections(replace(GOOD, **silent))
    assert "trading on coinbase is off" in only


def test_a_persons_word_counts_where_the_venue_does_not_tell_and_nowhere_else():
    silent = replace(TRADES_ONLY, may_withdraw=None)
    sworn = replace(GOOD, permissions=silent, is_said_not_to_withdraw=True)
    assert objections(sworn) == ()
    withdrawing = replace(TRADES_ONLY, may_withdraw=True)
    assert objections(replace(sworn, permissions=withdrawing))


def test_the_keys_of_the_database_count_too():
    assert objections(replace(GOOD, api_keys=(), has_stored_keys=True)) == ()


def test_the_fingerprint_changes_with_account_venue_and_key():
    prints = {
        fingerprint_of(account, venue, key)
        for account in ("live-a", "live-b")
        for venue in ("coinbase", "kucoin")
        for key in ("one", "two")
    }
    assert len(prints) == 8


@pytest.mark.parametrize(
    "key", ["a" * 64, "abab" * 16, "super-secret-0123456789abcdef0123", "", "12345678"]
)
def test_a_key_that_could_be_guessed_is_weak(key):
    assert is_weak(key)


def test_a_random_key_is_strong():
    assert not is_weak(STRONG)
