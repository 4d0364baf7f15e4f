"""Who may speak on Coinbase's wire, how often, and what is not there."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from simulator.wire.coinbase import coinbase_wire
from simulator.wire.coinbase.auth import public_half
from simulator.wire.coinbase.routes import operation
from simulator.wire.port import Operation, Premises, RateLimits, SimulatedKey
from tests.unit.simulator.coinbase_served import EDWARDS, READER, TRADER, V3, Served, served, token

ACCOUNTS = f"{V3}/accounts"


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served() as place:
        yield place


def asked_with(venue: Served, *, uri: str | None = ACCOUNTS, skew: int = 0, **changed) -> int:
    named = uri if uri is None else f"GET {venue.host}{uri}"
    now = venue.exchange.now() + timedelta(seconds=skew)
    signed = token(changed.pop("key", TRADER), named, now, **changed)
    answer = venue.raw(ACCOUNTS, f"Bearer {signed}")
    if answer.status_code == 401:
        assert answer.text.strip() == "Unauthorized"
    return answer.status_code


@pytest.mark.parametrize("key", [TRADER, READER, EDWARDS])
def test_a_token_of_either_kind_of_key_is_let_in(venue: Served, key: SimulatedKey):
    assert asked_with(venue, key=key) == 200


def test_without_a_token_nothing_private_is_told(venue: Served):
    assert venue.raw(ACCOUNTS).status_code == 401
    assert venue.raw(ACCOUNTS, "Bearer nonsense").status_code == 401
    assert venue.raw(ACCOUNTS, "Basic dXNlcjpwYXNz").status_code == 401


def test_another_keys_signature_is_refused(venue: Served):
    assert asked_with(venue, secret=READER.secret) == 401
    assert asked_with(venue, secret=EDWARDS.secret) == 401


def test_an_unknown_key_is_refused(venue: Served):
    stranger = SimulatedKey(key="organizations/one/apiKeys/stranger", secret=TRADER.secret)
    assert asked_with(venue, key=stranger) == 401


def test_a_token_for_another_request_is_refused(venue: Served):
    assert asked_with(venue, uri=f"{V3}/orders") == 401
    assert asked_with(venue, uri=f"{ACCOUNTS}?limit=1") == 401
    assert asked_with(venue, uri=None) == 401


def test_the_query_is_not_signed(venue: Served):
    assert venue.get("/accounts", limit=1).status_code == 200


@pytest.mark.parametrize("skew", [1, 60, -120, -500])
def test_a_token_outside_its_time_is_refused_without_leeway(venue: Served, skew: int):
    assert asked_with(venue, skew=skew) == 401


@pytest.mark.parametrize("skew", [0, -119])
def test_a_token_within_its_time_is_let_in(venue: Served, skew: int):
    assert asked_with(venue, skew=skew) == 200


def test_a_token_that_would_live_longer_is_refused(venue: Served):
    end = int(venue.exchange.now().timestamp()) + 121
    assert asked_with(venue, exp=end) == 401


@pytest.mark.parametrize("claim", ["nbf", "exp", "sub", "iss"])
def test_every_claim_is_asked_for(venue: Served, claim: str):
    assert asked_with(venue, **{claim: None}) == 401


def test_a_foreign_issuer_is_refused(venue: Served):
    assert asked_with(venue, iss="someone") == 401


def test_the_subject_must_be_the_signing_key(venue: Served):
    assert asked_with(venue, sub=READER.key) == 401


def test_a_nonce_is_good_once(venue: Served):
    assert asked_with(venue, nonce="once") == 200
    assert asked_with(venue, nonce="once") == 401
    assert asked_with(venue, nonce="once", key=READER) == 401


def test_the_exchanges_clock_decides_and_a_fault_may_move_it():
    with served() as venue:
        here = venue.exchange.now()
        venue.exchange.clock.offset = timedelta(seconds=-2)
        signed = token(TRADER, f"GET {venue.host}{ACCOUNTS}", here)
        assert venue.raw(ACCOUNTS, f"Bearer {signed}").status_code == 401


def test_public_requests_need_no_token(venue: Served):
    assert venue.raw(f"{V3}/time").status_code == 200
    assert venue.raw(f"{V3}/market/products/BTC-USD", "Bearer nonsense").status_code == 200


def test_what_the_venue_does_not_have_is_not_found(venue: Served):
    for path in (f"{V3}/nothing", "/api/v3/nothing", f"{V3}/orders"):
        answer = venue.raw(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    older = venue.raw("/v2/nothing")
    assert (older.status_code, older.json()["errors"][0]["id"]) == (404, "not_found")


def test_a_product_that_does_not_exist_is_told(venue: Served):
    assert venue.raw(f"{V3}/market/products/DOGE-USD").status_code == 404
    assert venue.raw(f"{V3}/market/product_book?product_id=DOGE-USD").status_code == 404


def test_permissions_are_told_of_the_key_that_asks(venue: Served):
    assert venue.get("/key_permissions").json()["can_trade"] is True
    told = venue.get("/key_permissions", READER).json()
    assert (told["can_view"], told["can_trade"], told["can_transfer"]) == (True, False, False)


def test_too_many_requests_are_refused_until_the_next_second():
    with served(limits=RateLimits(scale=0.2)) as venue:
        answers = [venue.raw(f"{V3}/time") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[2].json()["error"] == "rate_limit_exceeded"
        left = [one.headers["x-ratelimit-remaining"] for one in answers]
        assert left == ["1", "0", "0"]
        assert answers[0].headers["x-ratelimit-limit"] == "2"
        assert venue.get("/accounts").headers["x-ratelimit-limit"] == "6"
        venue.clock.go_on(timedelta(seconds=1))
        assert venue.raw(f"{V3}/time").status_code == 200


def test_a_secret_that_coinbase_would_not_give_is_refused_at_the_start(venue: Served):
    for secret in ("secret", "c2VjcmV0"):
        key = SimulatedKey(key="name", secret=secret)
        with pytest.raises(ValueError, match="secret"):
            coinbase_wire(Premises(exchange=venue.exchange, keys={"name": key}))
    assert public_half("ZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWU=") == (
        public_half(EDWARDS.secret)
    )


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", f"{V3}/orders", Operation.CREATE),
        ("POST", f"{V3}/orders/batch_cancel", Operation.CANCEL),
        ("GET", f"{V3}/orders/historical/batch", Operation.HISTORY),
        ("GET", f"{V3}/orders/historical/batch?order_status=OPEN&limit=5", Operation.OPEN_ORDERS),
        ("GET", f"{V3}/orders/historical/fills", Operation.FILLS),
        ("GET", f"{V3}/orders/historical/123", Operation.QUERY),
        ("GET", f"{V3}/accounts?limit=250", Operation.BALANCES),
        ("GET", f"{V3}/transaction_summary", Operation.FEES),
        ("GET", f"{V3}/key_permissions", Operation.PERMISSIONS),
        ("GET", f"{V3}/time", Operation.TIME),
        ("GET", f"{V3}/market/products", Operation.RULES),
        ("GET", f"{V3}/best_bid_ask", Operation.BOOK),
        ("GET", f"{V3}/market/products/BTC-USD/candles", Operation.CANDLES),
        ("GET", "/", Operation.STREAM),
        ("DELETE", f"{V3}/orders", Operation.OTHER),
    ],
)
def test_a_request_is_named_for_the_plan_of_faults(method: str, path: str, expected: Operation):
    assert operation(method, path) is expected
