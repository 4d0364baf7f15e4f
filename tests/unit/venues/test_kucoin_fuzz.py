"""Damaged answers of KuCoin: an order is accepted or unclear, a question answered or refused."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.enums import Interval
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.venue import Accepted, Ambiguous, OrderRef, Refused
from tests.unit.venues import kucoin_documents as documents
from tests.unit.venues.kucoin_recorder import Recorder
from tests.unit.venues.mutations import damaged
from venues.errors import VenueError
from venues.kucoin import parse
from venues.kucoin.line import SPOT, open_line
from venues.kucoin.listing import trading_rules
from venues.kucoin.outcome import is_absent, of_cancel, of_submit
from venues.kucoin.pages import rows_and_last
from venues.kucoin.stream import KuCoinStream, ticket
from venues.port import CancelAnswer
from venues.reading import Document
from venues.transport import Reply

SEEDS = range(2000)
BTC = Symbol("BTC-USDT")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATUSES = (200, 200, 200, 201, 400, 403, 404, 429, 500, 503)
REF = OrderRef(symbol=BTC, client_order_id=ClientOrderId(documents.CLIENT_ORDER_ID), placed_at=NOW)


def reply(body: bytes, status: int = 200) -> Reply:
    return Reply(status=status, headers={}, body=body)


def test_a_success_is_never_taken_for_a_refusal_however_it_is_damaged() -> None:
    seen: set[type] = set()
    for seed in SEEDS:
        answer = of_submit(reply(damaged(documents.created(), seed)), documents.CLIENT_ORDER_ID)
        assert isinstance(answer, Accepted | Ambiguous), (seed, answer)
        seen.add(type(answer))
    assert seen == {Accepted, Ambiguous}


def test_a_damaged_refusal_is_a_refusal_or_unclear() -> None:
    seen: set[type] = set()
    for seed in SEEDS:
        body = damaged(documents.refused("200004", "Balance insufficient!"), seed)
        answer = of_submit(reply(body, STATUSES[seed % 5]), documents.CLIENT_ORDER_ID)
        assert isinstance(answer, Refused | Ambiguous), (seed, answer)
        seen.add(type(answer))
    assert seen == {Refused, Ambiguous}


def test_a_damaged_duplicate_is_never_a_refusal_by_its_code() -> None:
    for seed in SEEDS:
        body = damaged(documents.refused("102426", "clientOid duplicate"), seed)
        assert isinstance(of_submit(reply(body), documents.CLIENT_ORDER_ID), Ambiguous), seed


def test_a_damaged_cancel_is_an_answer_or_a_typed_error() -> None:
    for seed in SEEDS:
        body = damaged(documents.enveloped({"clientOid": documents.CLIENT_ORDER_ID}), seed)
        try:
            answer = of_cancel(reply(body, STATUSES[seed % len(STATUSES)]))
        except VenueError:
            continue
        assert answer is CancelAnswer.REQUESTED, seed


def _orders(data: Document) -> Any:
    return [parse.placed_order(row) for row in parse.rows(data)]


def _fills(data: Document) -> Any:
    rows, _ = rows_and_last(data)
    return [parse.fill(row, None) for row in rows]


def _candles(data: Document) -> Any:
    return [parse.candle(row, BTC, Interval.M1) for row in data.items()]


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (documents.order(), lambda data: parse.asked_order(data, REF)),
        ([documents.order(), documents.order(id="2")], _orders),
        (documents.paged(documents.fill(), last=7), _fills),
        (documents.accounts(), parse.balances),
        (documents.fees(), lambda data: parse.fee_rates(data, BTC)),
        (documents.api_key(), parse.key_permissions),
        (documents.ticker(), lambda data: parse.top_of_book(data, BTC, NOW)),
        (documents.candles(), _candles),
        ([documents.listing()], trading_rules),
        ({"symbols": ["BTC-USDT"]}, parse.active_symbols),
        (documents.PLACED_MS, parse.server_time),
        (documents.token(), ticket),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_damaged_answer_is_read_or_a_typed_error(
    data: Any, read: Callable[[Document], Any]
) -> None:
    line = open_line(Recorder().credentials())
    whole = documents.enveloped(data)
    errors = 0
    for seed in SEEDS:
        answer = reply(damaged(whole, seed), STATUSES[seed % len(STATUSES)])
        assert not is_absent(answer), seed
        line.learn(SPOT, answer)
        try:
            line.understand(answer, read)
        except VenueError:
            errors += 1
    assert 200 < errors < len(SEEDS)


def test_a_damaged_message_of_the_stream_is_a_hint_or_a_value_error() -> None:
    stream = KuCoinStream(Recorder().credentials())
    for seed in SEEDS:
        body = damaged(documents.order_event(), seed)
        try:
            stream.hints(body.decode(errors="replace"))
        except ValueError:
            continue
