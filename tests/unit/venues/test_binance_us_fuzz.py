"""Damaged answers of Binance.US: never a surprise, and never an order taken for refused."""

import random

import pytest

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.venue import Accepted, Ambiguous
from tests.unit.venues import binance_us_documents as documents
from tests.unit.venues.mutations import damaged
from tests.unit.venues.test_binance_us_outcome import REQUEST, reply
from venues.binance_us import listing, market, outcome, parse
from venues.binance_us.asking import each, reading
from venues.binance_us.stream import BinanceUsStream
from venues.budget import LocalBudget
from venues.errors import VenueError
from venues.opening import Credentials
from venues.port import VenueAddress, VenueKeys, VenueName

SEEDS = range(2000)
BTC, NAME = Symbol("BTC-USDT"), "BTCUSDT"


def test_a_create_reply_that_was_a_success_is_accepted_or_ambiguous():
    answers = [
        outcome.of_submit(REQUEST, NAME, reply(200, damaged(documents.PLACED, seed)))
        for seed in SEEDS
    ]
    assert {type(answer) for answer in answers} == {Accepted, Ambiguous}
    accepted = [answer for answer in answers if isinstance(answer, Accepted)]
    assert all(answer.venue_order_id.isdecimal() for answer in accepted)
    assert any(answer.report is None for answer in accepted)


def test_a_success_under_a_wrong_status_is_never_refused():
    statuses = (300, 302, 400, 401, 404, 408, 409, 422, 500, 502, 503, 504, 599)
    for seed in SEEDS:
        status = random.Random(seed).choice(statuses)
        answer = outcome.of_submit(REQUEST, NAME, reply(status, damaged(documents.PLACED, seed)))
        assert isinstance(answer, Ambiguous), (seed, status, answer)


def test_damaged_errors_are_typed_whatever_they_say():
    said = {"code": -2013, "msg": "Order does not exist."}
    for seed in SEEDS:
        for status in (200, 400, 404, 500):
            told = reply(status, damaged(said, seed))
            outcome.of_submit(REQUEST, NAME, told)
            assert outcome.says_absent(told) in (True, False)
            if status != 200:
                with pytest.raises(VenueError):
                    outcome.of_question(told)


def _order(one):
    return parse.order(one, BTC, NAME)


READERS = {
    "order": (documents.ORDER, lambda told: reading(told, _order)),
    "orders": ([documents.ORDER, documents.ORDER], lambda told: each(told, _order)),
    "placed": (
        documents.PLACED,
        lambda told: reading(told, lambda one: parse.placed_order(one, BTC, NAME)),
    ),
    "canceled": (
        documents.CANCELED,
        lambda told: reading(told, lambda one: parse.expect(one["symbol"], NAME)),
    ),
    "fills": (
        [documents.TRADE, documents.TRADE],
        lambda told: each(told, lambda one: parse.fill(one, BTC, NAME)),
    ),
    "rules": (documents.EXCHANGE, lambda told: reading(told, listing.trading_rules)),
    "candles": (
        [documents.CANDLE],
        lambda told: reading(told, lambda one: market.candles(one, BTC, Interval.M1)),
    ),
    "book": (
        documents.BOOK,
        lambda told: reading(
            told, lambda one: market.top_of_book(one, BTC, NAME, REQUEST.signed_at)
        ),
    ),
    "balances": (documents.ACCOUNT, lambda told: reading(told, market.balances)),
    "account": (documents.ACCOUNT, lambda told: reading(told, market.account_permissions)),
    "fees": (documents.FEES, lambda told: reading(told, lambda one: market.fee_rates(one, NAME))),
    "permissions": (documents.RESTRICTIONS, lambda told: reading(told, market.key_permissions)),
    "time": (
        documents.SERVER_TIME,
        lambda told: reading(told, lambda one: one["serverTime"].instant()),
    ),
}


@pytest.mark.parametrize(("valid", "read"), READERS.values(), ids=READERS)
def test_a_damaged_answer_is_read_or_refused_with_a_typed_error(valid, read):
    refused = 0
    for seed in SEEDS:
        try:
            read(reply(200, damaged(valid, seed)))
        except VenueError:
            refused += 1
    assert 0 < refused < len(SEEDS)


def test_a_damaged_message_of_the_stream_is_a_hint_or_a_reason_to_open_it_again():
    address = VenueAddress(rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9")
    budget = LocalBudget(venue=VenueName.BINANCE_US)
    stream = BinanceUsStream(Credentials(keys=VenueKeys(), address=address, budget=budget))
    refused = 0
    for seed in SEEDS:
        try:
            stream.hints(damaged(documents.EXECUTION, seed).decode(errors="replace"))
        except ValueError:
            refused += 1
    assert 0 < refused < len(SEEDS)
