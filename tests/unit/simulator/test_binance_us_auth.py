"""Who may ask: keys, signatures over what was transmitted, and the time of a request."""

import hmac
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from random import Random

import pytest

from simulator.engine.clocks import ManualClock
from simulator.wire.binance_us.auth import sign as venue_sign
from simulator.wire.binance_us.endpoints import ENDPOINTS
from simulator.wire.binance_us.parameters import read_parameters
from tests.unit.simulator.binance_us_served import (
    KEY,
    OTHER_KEY,
    READ_KEY,
    STRANGER,
    Served,
    served,
    sign,
)

ACCOUNT = "/api/v3/account"
BAD_FORMAT = (401, -2014, "API-key format invalid.")
NO_KEY = (401, -2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (400, -1022, "Signature for this request is not valid.")
TOO_LATE = (400, -1021, "Timestamp for this request is outside of the recvWindow.")
AHEAD = (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="module")
def venue(clock: ManualClock) -> Iterator[Served]:
    with served(clock) as one:
        yield one


def told(response) -> tuple[int, int, str]:
    document = response.json()
    return response.status_code, document["code"], document["msg"]


def test_the_signature_is_the_one_of_the_venues_own_example() -> None:
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
    body = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    mixed = read_parameters(query, f"{body}&signature=ABC")
    assert mixed.signed_text == query + body  # without an ampersand between them
    assert venue_sign(secret, mixed.signed_text) == (
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    )
    whole = read_parameters("", f"{query}&{body}&signature=abc")
    assert venue_sign(secret, whole.signed_text) == (
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )


def test_a_right_signature_opens_the_account(venue: Served) -> None:
    assert venue.signed("GET", ACCOUNT).status_code == 200
    upper = f"timestamp={venue.now()}"
    response = venue.http.get(
        f"{ACCOUNT}?{upper}&signature={sign(upper).upper()}", headers={"X-MBX-APIKEY": KEY}
    )
    assert response.status_code == 200


def test_a_wrong_secret_is_refused(venue: Served) -> None:
    assert told(venue.signed("GET", ACCOUNT, secret="t" * 64)) == BAD_SIGNATURE


def test_what_changes_after_signing_is_refused(venue: Served) -> None:
    text = f"symbol=BTCUSDT&timestamp={venue.now()}"
    signature = hmac.new(b"s" * 64, text.encode(), sha256).hexdigest()
    for changed in (text.replace("BTC", "ETH"), f"{text}&limit=5", text.replace("BTC", "%42TC")):
        response = venue.http.get(
            f"/api/v3/openOrders?{changed}&signature={signature}", headers={"X-MBX-APIKEY": KEY}
        )
        assert told(response) == BAD_SIGNATURE


@pytest.mark.parametrize(
    ("key", "answer"), [("", BAD_FORMAT), ("short", BAD_FORMAT), (STRANGER, NO_KEY)]
)
def test_an_unknown_key_is_refused(venue: Served, key: str, answer: tuple) -> None:
    assert told(venue.signed("GET", ACCOUNT, key=key)) == answer


def test_no_key_at_all_is_a_bad_key(venue: Served) -> None:
    assert told(venue.ask(ACCOUNT, timestamp=venue.now(), signature="00")) == BAD_FORMAT
    assert told(venue.http.post("/api/v3/userDataStream")) == BAD_FORMAT


@pytest.mark.parametrize(
    ("age", "window", "answer"),
    [
        (0, None, None),
        (5_000, None, None),
        (5_001, None, TOO_LATE),
        (3_000, 3_000, None),
        (3_001, 3_000, TOO_LATE),
        (60_000, 60_000, None),
        (-999, None, None),
        (-1_000, None, AHEAD),
        (1, 0, TOO_LATE),
        (0, 60_001, (400, -1131, "recvWindow must be less than 60000.")),
    ],
)
def test_the_time_of_a_request_decides(
    venue: Served, age: int, window: int | None, answer: tuple | None
) -> None:
    more = {} if window is None else {"recvWindow": window}
    response = venue.signed("GET", ACCOUNT, timestamp=venue.now() - age, **more)
    if answer is None:
        assert response.status_code == 200
    else:
        assert told(response) == answer


def test_a_request_that_waited_is_judged_by_the_venues_clock(
    venue: Served, clock: ManualClock
) -> None:
    signed_at = venue.now()
    clock.go_on(timedelta(seconds=6))
    assert told(venue.signed("GET", ACCOUNT, timestamp=signed_at)) == TOO_LATE
    venue.exchange.set_offset(timedelta(seconds=-6))
    try:
        assert venue.signed("GET", ACCOUNT, timestamp=signed_at).status_code == 200
    finally:
        venue.exchange.set_offset(timedelta(0))


@pytest.mark.parametrize("name", ["timestamp", "signature"])
def test_what_every_signed_request_needs_must_be_there(venue: Served, name: str) -> None:
    values = {"timestamp": venue.now(), "signature": "00"}
    del values[name]
    response = venue.http.get(ACCOUNT, params=values, headers={"X-MBX-APIKEY": KEY})
    said = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    assert told(response) == (400, -1102, said)


def test_a_key_that_may_only_read_reads_and_does_not_trade(venue: Served) -> None:
    assert venue.signed("GET", ACCOUNT, key=READ_KEY).json()["canTrade"] is False
    for method, path in (
        ("POST", "/api/v3/order"),
        ("POST", "/api/v3/order/test"),
        ("DELETE", "/api/v3/order"),
        ("DELETE", "/api/v3/openOrders"),
    ):
        assert told(venue.signed(method, path, key=READ_KEY, symbol="BTCUSDT")) == NO_KEY


def test_keys_of_another_account_see_nothing_of_ours(venue: Served) -> None:
    placed = venue.place(newClientOrderId="ours").json()
    theirs = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert told(venue.signed("GET", "/api/v3/order", key=OTHER_KEY, **theirs))[1] == -2013
    assert told(venue.signed("DELETE", "/api/v3/order", key=OTHER_KEY, **theirs))[1] == -2011
    assert venue.signed("GET", "/api/v3/openOrders", key=OTHER_KEY).json() == []


def test_parameters_come_in_query_or_body_and_the_query_counts(venue: Served) -> None:
    query = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&timestamp={venue.now()}"
    body = "quantity=0.001&price=45000&side=SELL"
    response = venue.http.post(
        f"/api/v3/order?{query}",
        content=f"{body}&signature={sign(query + body)}",
        headers={"X-MBX-APIKEY": KEY, "content-type": "application/x-www-form-urlencoded"},
    )
    assert response.json()["side"] == "BUY"
    in_query = venue.signed(
        "DELETE",
        "/api/v3/order",
        in_query=True,
        symbol="BTCUSDT",
        orderId=response.json()["orderId"],
    )
    assert in_query.json()["status"] == "CANCELED"


def test_a_parameter_twice_or_unknown_is_refused(venue: Served) -> None:
    twice = venue.http.get("/api/v3/klines?symbol=BTCUSDT&symbol=ETHUSDT&interval=1m")
    assert told(twice) == (400, -1101, "Duplicate values for a parameter detected.")
    unknown = venue.ask("/api/v3/depth", symbol="BTCUSDT", levels=5)
    said = "Not all sent parameters were read; read '1' parameter(s) but was sent '2'."
    assert told(unknown) == (400, -1104, said)


def test_paths_that_the_venue_does_not_have_are_not_there(venue: Served) -> None:
    page = venue.ask("/api/v3/nothing")
    assert (page.status_code, page.text) == (
        404,
        "<html><body><h2>404 Not found</h2></body></html>",
    )
    assert venue.http.post("/api/v3/time").status_code == 404
    assert venue.ask("/").status_code == 404
    document = venue.ask("/sapi/v1/asset/tradeFee").json()
    assert (document["status"], document["path"]) == (404, "/sapi/v1/asset/tradeFee")


ODD = ("", "0", "-1", "1e9", "9" * 5_000, "NaN", "BTCUSDT", "\x00", "٣", "é", "[]", "true", "0.1")
NAMES = ("symbol", "limit", "startTime", "endTime", "orderId", "quantity", "price", "interval")


@pytest.mark.parametrize("endpoint", sorted(ENDPOINTS), ids=" ".join)
def test_odd_values_are_answered_and_never_break_the_venue(
    venue: Served, endpoint: tuple[str, str]
) -> None:
    method, path = endpoint
    draw = Random(f"{method} {path}")
    sound = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    for _ in range(12):
        reads = ENDPOINTS[endpoint].reads or frozenset(NAMES)
        sent = {name: value for name, value in sound.items() if name in reads}
        sent |= {name: draw.choice(ODD) for name in NAMES if name in reads and draw.random() < 0.6}
        response = venue.signed(method, path, **sent)
        assert response.status_code in (200, 400), (sent, response.text)
        response.json()


def test_a_body_that_is_no_form_is_refused(venue: Served) -> None:
    for body in (b"{}", b"\xff\xfe", b"&&&===", b'{"symbol": "BTCUSDT"}'):
        response = venue.http.post("/api/v3/order", content=body, headers={"X-MBX-APIKEY": KEY})
        assert told(response)[:2] == (400, -1102)
