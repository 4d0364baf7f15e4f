"""What leaves for Coinbase: the real package, the real session, and a server that writes it down."""

import base64
import logging
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from shared.domain.enums import Interval, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.venue import (
    Accepted,
    Ambiguous,
    KeyPermissions,
    NotSent,
    Refused,
)
from tests.unit.venues import coinbase_documents as documents
from tests.unit.venues.coinbase_documents import BTC, OURS, SIGNED_AT, THEIRS, reference, wanted
from tests.unit.venues.coinbase_server import RecordingServer
from venues import transport
from venues.budget import LocalBudget
from venues.coinbase.adapter import Coinbase
from venues.errors import ClockSkewed, KeyRefused, RateLimited, VenueAway
from venues.opening import Credentials, open_venue
from venues.port import CancelAnswer, VenueAddress, VenueKeys, VenueName

KEY = "organizations/0c1d/apiKeys/7f3a"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
SECRET = PRIVATE.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
).decode()
API = "/api/v3/brokerage"


@pytest.fixture
def server():
    running = RecordingServer()
    yield running
    running.stop()


@pytest.fixture
def script(server):
    return server.script


def credentials_for(url: str, keys: VenueKeys | None = None) -> Credentials:
    return Credentials(
        keys=keys or VenueKeys(key=KEY, secret=SECRET),
        address=VenueAddress(rest=url, stream="ws://127.0.0.1:9"),
        budget=LocalBudget(venue=VenueName.COINBASE, seconds_now=lambda: 1000.5),
    )


@pytest.fixture
def credentials(server):
    return credentials_for(server.url)


@pytest.fixture
def venue(credentials):
    return Coinbase(credentials)


def only(script):
    (request,) = script.received
    return request


def verified(request, host: str, public=None) -> dict:
    """Verify a request's token as the venue does, but for the time; return what it claims."""
    scheme, token = request.headers["authorization"].split(" ")
    assert scheme == "Bearer"
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token,
        public or PRIVATE.public_key(),
        algorithms=["ES256", "EdDSA"],
        issuer="cdp",
        options={"verify_exp": False, "verify_nbf": False},
    )
    assert header["kid"] == claims["sub"] == KEY
    assert header["typ"] == "JWT"
    assert len(bytes.fromhex(header["nonce"])) == 32
    assert claims["uri"] == f"{request.method} {host}{request.path}"
    return claims


# --- orders


def configured(script, venue, **changes):
    script.answers(documents.CREATED)
    asked = wanted(**changes)
    assert isinstance(venue.submit(asked), Accepted | Ambiguous)
    request = only(script)
    assert (request.method, request.target) == ("POST", f"{API}/orders")
    assert request.headers["content-type"] == "application/json"
    assert request.document.keys() == {
        "client_order_id",
        "product_id",
        "side",
        "order_configuration",
    }
    assert request.document["client_order_id"] == OURS
    assert request.document["product_id"] == BTC
    return request.document["side"], request.document["order_configuration"]


SIZES = {"base_size": "0.0021", "limit_price": "70000.01"}
IN_FIVE_MINUTES = SIGNED_AT + timedelta(minutes=5)
END = {"end_time": "2026-11-21T12:05:00.987000Z"}


@pytest.mark.parametrize(
    ("changes", "configuration"),
    [
        ({}, {"sor_limit_ioc": SIZES}),
        ({"time_in_force": TimeInForce.FOK}, {"limit_limit_fok": SIZES}),
        ({"time_in_force": TimeInForce.GTC}, {"limit_limit_gtc": SIZES | {"post_only": False}}),
        (
            {"time_in_force": TimeInForce.GTC, "is_post_only": True},
            {"limit_limit_gtc": SIZES | {"post_only": True}},
        ),
        (
            {"time_in_force": TimeInForce.GTD, "good_until": IN_FIVE_MINUTES},
            {"limit_limit_gtd": SIZES | END | {"post_only": False}},
        ),
        (
            {"order_type": OrderType.MARKET, "limit_price": None},
            {"market_market_ioc": {"base_size": "0.0021"}},
        ),
        (
            {
                "order_type": OrderType.STOP_LIMIT,
                "time_in_force": TimeInForce.GTC,
                "stop_price": Decimal("70001.00"),
            },
            {
                "stop_limit_stop_limit_gtc": SIZES
                | {"stop_price": "70001", "stop_direction": "STOP_DIRECTION_STOP_UP"}
            },
        ),
        (
            {
                "order_type": OrderType.STOP_LIMIT,
                "time_in_force": TimeInForce.GTD,
                "good_until": IN_FIVE_MINUTES,
                "stop_price": Decimal("70001.00"),
            },
            {
                "stop_limit_stop_limit_gtd": SIZES
                | END
                | {"stop_price": "70001", "stop_direction": "STOP_DIRECTION_STOP_UP"}
            },
        ),
    ],
)
def test_each_kind_of_order_leaves_as_the_venue_documents_it(script, venue, changes, configuration):
    assert configured(script, venue, **changes) == ("BUY", configuration)


def test_a_stop_of_a_holding_is_below(script, venue):
    side, configuration = configured(
        script,
        venue,
        side=Side.SELL,
        order_type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.GTC,
        stop_price=Decimal(60000),
        limit_price=Decimal(59000),
    )
    assert side == "SELL"
    stop = configuration["stop_limit_stop_limit_gtc"]
    assert stop["stop_direction"] == "STOP_DIRECTION_STOP_DOWN"


def test_numbers_leave_in_plain_notation(script, venue):
    _, configuration = configured(
        script, venue, quantity=Decimal("1E-8"), limit_price=Decimal("1.2E+5")
    )
    assert configuration == {"sor_limit_ioc": {"base_size": "0.00000001", "limit_price": "120000"}}


def test_an_order_is_dated_by_its_claim_and_not_by_any_clock(script, venue, server):
    script.answers(documents.CREATED)
    venue.set_offset(timedelta(hours=3))
    assert venue.submit(wanted()) == Accepted(venue_order_id=THEIRS)
    claims = verified(only(script), server.host)
    assert claims["nbf"] == int(SIGNED_AT.timestamp()) - 1
    assert claims["exp"] == int((SIGNED_AT + timedelta(seconds=20)).timestamp())
    assert datetime.fromtimestamp(claims["exp"], UTC) <= SIGNED_AT + timedelta(seconds=20)


def test_no_window_is_longer_than_what_finality_reckons_with(script, venue, server):
    script.answers(documents.CREATED)
    venue.submit(wanted(window=timedelta(minutes=10)))
    claims = verified(only(script), server.host)
    assert claims["exp"] - claims["nbf"] <= 31
    assert timedelta(seconds=claims["exp"] - claims["nbf"]) < venue.finality


@pytest.mark.parametrize("form", ["pem", "base64 of 32", "base64 of 64", "pem in one line"])
def test_every_kind_of_key_the_venue_gives_out_signs(script, server, form):
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key()
    if form.startswith("pem"):
        secret = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        secret = secret.replace("\n", "\\n") if "line" in form else secret
    else:
        raw = private.private_bytes_raw()
        raw += public.public_bytes_raw() if form.endswith("64") else b""
        secret = base64.b64encode(raw).decode()
    script.answers(documents.PERMISSIONS)
    venue = Coinbase(credentials_for(server.url, VenueKeys(key=KEY, secret=secret)))
    venue.key_permissions()
    verified(only(script), server.host, public)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"time_in_force": TimeInForce.GTD}, "good_until"),
        ({"good_until": IN_FIVE_MINUTES}, "good_until"),
        ({"order_type": OrderType.MARKET}, "limit_price"),
        ({"limit_price": None}, "limit_price"),
        ({"stop_price": Decimal(1)}, "stop_price"),
        ({"order_type": OrderType.STOP_LIMIT}, "ioc"),
        ({"order_type": OrderType.STOP_LIMIT, "time_in_force": TimeInForce.GTC}, "stop_price"),
        (
            {
                "order_type": OrderType.MARKET,
                "limit_price": None,
                "time_in_force": TimeInForce.GTC,
            },
            "gtc",
        ),
        ({"is_post_only": True}, "is_post_only"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"quantity": Decimal("-0.1")}, "quantity"),
        ({"quantity": Decimal("1E-19")}, "quantity"),
        ({"limit_price": Decimal("Infinity")}, "limit_price"),
        ({"symbol": "BTCUSD"}, "symbol"),
        ({"client_order_id": ""}, "client_order_id"),
    ],
)
def test_what_the_venue_does_not_have_is_not_sent(script, venue, changes, named):
    answer = venue.submit(wanted(**changes))
    assert isinstance(answer, NotSent)
    assert named in answer.reason
    assert script.received == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"limit_price": Decimal("70000.001")}, "limit_price"),
        ({"quantity": Decimal("0.000000001")}, "quantity"),
        ({"quantity": Decimal("3400.1")}, "quantity"),
        ({"quantity": Decimal("12345678901234567890.123456789012345678")}, "quantity"),
        (
            {
                "order_type": OrderType.STOP_LIMIT,
                "time_in_force": TimeInForce.GTC,
                "stop_price": Decimal("70000.001"),
            },
            "stop_price",
        ),
    ],
)
def test_what_breaks_a_known_rule_is_not_sent(script, credentials, changes, named):
    script.answers(documents.PRODUCTS)
    Coinbase(credentials).rules()
    another_lane = Coinbase(credentials)
    answer = another_lane.submit(wanted(**changes))
    assert isinstance(answer, NotSent)
    assert answer.reason.startswith(named)
    assert len(script.received) == 1


def test_a_market_order_is_not_sent_where_only_limits_are_taken(script, credentials):
    script.answers({"products": [documents.PRODUCT | {"limit_only": True}]})
    venue = Coinbase(credentials)
    venue.rules()
    answer = venue.submit(wanted(order_type=OrderType.MARKET, limit_price=None))
    assert isinstance(answer, NotSent)
    assert len(script.received) == 1


# --- exactly once, and sure about what has left


@pytest.mark.parametrize("fate", ["reset", "silence"])
def test_an_order_without_an_answer_is_ambiguous_and_sent_once(script, venue, monkeypatch, fate):
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    script.replies.append(fate)
    assert isinstance(venue.submit(wanted()), Ambiguous)
    time.sleep(0.1)
    assert len(script.received) == 1


@pytest.mark.parametrize("status", [301, 307, 500, 502, 503, 504])
def test_an_error_or_a_redirect_is_ambiguous_and_nothing_is_repeated(script, venue, status):
    html = b"<html>Service Temporarily Unavailable</html>"
    script.answers(html, status=status, Location="/elsewhere")
    assert isinstance(venue.submit(wanted()), Ambiguous)
    assert len(script.received) == 1


def test_a_refused_connection_sent_nothing():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        venue = Coinbase(credentials_for(url))
        assert isinstance(venue.submit(wanted()), NotSent)
        with pytest.raises(VenueAway):
            venue.server_time()


def test_a_certificate_nobody_vouches_for_stops_an_order_before_it_leaves(server):
    venue = Coinbase(credentials_for(server.url.replace("http://", "https://")))
    assert isinstance(venue.submit(wanted()), NotSent)
    assert server.script.received == []


def test_an_order_held_up_too_long_does_not_leave(script, venue):
    answer = venue.submit(wanted(send_by=time.monotonic() - 0.001))
    assert isinstance(answer, NotSent)
    assert script.received == []


def test_after_an_order_without_answer_one_that_cannot_leave_is_still_known_not_to_have(
    server, script, venue
):
    script.replies.append("reset")
    assert isinstance(venue.submit(wanted()), Ambiguous)
    server.stop()
    assert isinstance(venue.submit(wanted()), NotSent)


def test_without_a_key_or_with_one_that_cannot_sign_no_order_leaves(script, server):
    for keys in (VenueKeys(), VenueKeys(key=KEY), VenueKeys(key=KEY, secret="c2hvcnQ=")):
        venue = Coinbase(credentials_for(server.url, keys))
        assert isinstance(venue.submit(wanted()), NotSent)
        with pytest.raises(KeyRefused) as refused:
            venue.balances()
        assert "c2hvcnQ" not in str(refused.value)
    assert script.received == []


def test_a_used_up_budget_lets_no_order_leave_but_still_a_cancel(script, venue, credentials):
    script.answers(documents.PERMISSIONS)
    for _ in range(27):
        venue.key_permissions()
    assert isinstance(venue.submit(wanted()), NotSent)
    script.replies[:] = [(200, documents.CANCELED, {})]
    assert venue.cancel(reference(venue_order_id=THEIRS)) is CancelAnswer.REQUESTED
    with pytest.raises(RateLimited):
        venue.key_permissions()
    assert len(script.received) == 28


def test_a_rate_limit_holds_everything_back_until_it_is_over(script, venue):
    script.replies.append((429, b"", {"Retry-After": "5"}))
    refused = venue.submit(wanted())
    assert isinstance(refused, Refused)
    assert refused.code == "429"
    assert venue.rate_use().used_ratio == 1.0
    assert venue.rate_use().held_until is not None
    assert isinstance(venue.submit(wanted()), NotSent)
    assert len(script.received) == 1


def test_what_the_venue_counts_is_taken_over(script, venue):
    script.replies.append(
        (200, documents.ACCOUNTS, {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5"})
    )
    venue.balances()
    assert venue.rate_use().used_ratio == pytest.approx(22 / 30)


def test_a_limit_that_orders_do_not_spend_holds_no_order_back(script, venue):
    script.replies.append(
        (200, documents.TIME, {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0"})
    )
    venue.server_time()
    assert venue.rate_use().used_ratio == 0


def test_nothing_is_taken_from_the_environment(script, server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("COINBASE_API_KEY", "stolen")
    monkeypatch.setenv("COINBASE_API_SECRET", "stolen")
    script.answers(documents.TIME)
    venue = Coinbase(credentials_for(server.url, VenueKeys()))
    venue.server_time()
    assert "authorization" not in only(script).headers


def test_no_body_and_no_key_is_ever_logged(script, venue, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    script.answers(b'{"secret-of-the-venue": 1}', status=500)
    venue.submit(wanted())
    with pytest.raises(VenueAway) as away:
        venue.balances()
    said = caplog.text + "".join(capfd.readouterr()) + str(away.value)
    assert "secret-of-the-venue" not in said
    assert "PRIVATE KEY" not in said


# --- questions


def test_the_time_is_asked_for_in_public(script, venue):
    script.answers(documents.TIME)
    assert venue.server_time() == datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)
    request = only(script)
    assert (request.method, request.target) == ("GET", f"{API}/time")
    assert "authorization" not in request.headers
    assert request.body == b""


def test_a_question_is_dated_by_the_venues_clock(script, venue, server):
    script.answers(documents.PERMISSIONS)
    venue.set_offset(timedelta(seconds=-500))
    before = datetime.now(UTC)
    assert venue.key_permissions() == KeyPermissions(
        may_read=True, may_trade=True, may_withdraw=False, is_ip_restricted=None
    )
    claims = verified(only(script), server.host)
    assert only(script).target == f"{API}/key_permissions"
    assert abs(claims["nbf"] - (before.timestamp() - 500)) < 3
    assert claims["exp"] - claims["nbf"] == 120


@pytest.mark.parametrize("has_key", [True, False])
def test_the_market_is_asked_with_a_key_or_in_public(script, server, has_key):
    keys = VenueKeys(key=KEY, secret=SECRET) if has_key else VenueKeys()
    root = f"{API}" if has_key else f"{API}/market"
    venue = Coinbase(credentials_for(server.url, keys))
    script.answers(documents.PRODUCTS, documents.BOOK, documents.CANDLES)
    (rules,) = venue.rules()
    assert rules.instrument.symbol == BTC
    assert venue.top_of_book(BTC).ask == Decimal("70000.01")
    open_at = datetime(2026, 11, 21, 11, 59, tzinfo=UTC)
    venue.set_offset(SIGNED_AT - datetime.now(UTC))
    (candle,) = venue.candles(BTC, Interval.M1, open_at, open_at + timedelta(minutes=2))
    assert candle.open_at == open_at
    products, book, candles = script.received
    assert (products.path, products.params) == (f"{root}/products", [("product_type", "SPOT")])
    assert (book.path, book.params) == (
        f"{root}/product_book",
        [("limit", "1"), ("product_id", "BTC-USD")],
    )
    assert candles.path == f"{root}/products/BTC-USD/candles"
    assert candles.params == [
        ("end", "1795262400"),
        ("granularity", "ONE_MINUTE"),
        ("limit", "350"),
        ("start", "1795262340"),
    ]
    assert all(("authorization" in one.headers) is has_key for one in script.received)


def test_candles_come_in_order_from_all_pages_closed_and_within_the_range(script, venue):
    start = datetime(2026, 11, 20, tzinfo=UTC)
    venue.set_offset(start + timedelta(minutes=800, seconds=30) - datetime.now(UTC))

    def page(first: int, count: int) -> dict:
        opened = [int((start + timedelta(minutes=first + n)).timestamp()) for n in range(count)]
        return {"candles": [documents.CANDLE | {"start": str(one)} for one in reversed(opened)]}

    script.answers(page(-1, 351), page(350, 350), page(700, 101))
    candles = venue.candles(BTC, Interval.M1, start, start + timedelta(minutes=900))
    assert [one.open_at for one in candles] == [start + timedelta(minutes=n) for n in range(800)]
    asked = [dict(one.params) for one in script.received]
    begin = int(start.timestamp())
    assert [int(one["start"]) - begin for one in asked] == [0, 350 * 60, 700 * 60]
    assert [int(one["end"]) - begin for one in asked[:2]] == [349 * 60, 699 * 60]


def test_balances_come_from_all_pages_and_wallets_of_an_asset_are_added(script, venue):
    euros = {
        "currency": "EUR",
        "available_balance": {"value": "5", "currency": "EUR"},
        "hold": {"value": "0", "currency": "EUR"},
    }
    script.answers(
        {"accounts": [documents.ACCOUNT, euros], "has_next": True, "cursor": "next"},
        documents.ACCOUNTS,
    )
    balances = {one.asset: one for one in venue.balances()}
    assert (balances["BTC"].available, balances["BTC"].held) == (Decimal("2.46"), Decimal("0.14"))
    assert balances["EUR"].total == Decimal(5)
    first, second = script.received
    assert (first.path, first.params) == (f"{API}/accounts", [("limit", "250")])
    assert second.params == [("cursor", "next"), ("limit", "250")]


def test_fee_rates_are_those_of_spot(script, venue):
    script.answers(documents.FEES)
    assert venue.fee_rates(BTC).taker == Decimal("0.012")
    request = only(script)
    assert request.path == f"{API}/transaction_summary"
    assert request.params == [("product_type", "SPOT")]


def test_an_order_is_found_by_our_id_among_all_since_it_was_signed(script, venue):
    other = documents.ORDER | {"client_order_id": "somebody-elses", "order_id": "o-1"}
    script.answers(
        {"orders": [other], "has_next": True, "cursor": "next"},
        {"orders": [documents.ORDER], "has_next": False, "cursor": ""},
    )
    report = venue.find_order(reference())
    assert report is not None
    assert (report.venue_order_id, report.client_order_id) == (THEIRS, OURS)
    first, second = script.received
    assert first.path == f"{API}/orders/historical/batch"
    assert first.params == [("limit", "100"), ("start_date", "2026-11-21T11:59:00.987000Z")]
    assert ("cursor", "next") in second.params


def test_an_order_under_the_other_name_of_its_product_is_found(script, venue):
    script.answers(documents.ORDERS)
    report = venue.find_order(reference(symbol="BTC-USDC"))
    assert report is not None
    assert report.symbol == "BTC-USDC"
    with pytest.raises(VenueAway, match="calls an order"):
        venue.find_order(reference(symbol="ETH-USD"))


def test_an_order_is_absent_only_where_every_page_says_so(script, venue):
    script.answers({"orders": [], "has_next": False, "cursor": ""})
    assert venue.find_order(reference()) is None
    script.replies[:] = [(200, {"orders": [], "cursor": ""}, {})]
    assert venue.find_order(reference()) is None
    for reply in ((500, b"", {}), (200, b"{", {}), (200, {"orders": None}, {}), (404, b"", {})):
        script.replies[:] = [reply]
        with pytest.raises(VenueAway):
            venue.find_order(reference())


def test_pages_without_an_end_are_an_outage(script, venue):
    other = documents.ORDER | {"client_order_id": "x"}
    script.answers({"orders": [other], "has_next": True, "cursor": "same"})
    with pytest.raises(VenueAway, match="do not end"):
        venue.find_order(reference())


def test_an_order_is_found_by_the_venues_id_where_it_is_known(script, venue, server):
    script.answers({"order": documents.ORDER | {"status": "FILLED", "filled_size": "0.0021"}})
    report = venue.find_order(reference(venue_order_id=THEIRS))
    assert report is not None
    assert report.status is OrderStatus.FILLED
    assert only(script).target == f"{API}/orders/historical/{THEIRS}"
    verified(only(script), server.host)


def test_only_a_clear_not_found_means_absent(script, venue):
    known = reference(venue_order_id=THEIRS)
    script.answers(documents.UNKNOWN_ORDER, status=404)
    assert venue.find_order(known) is None
    script.replies[:] = [(404, b"<html>", {})]
    with pytest.raises(VenueAway):
        venue.find_order(known)
    script.replies[:] = [(200, {"order": documents.ORDER | {"client_order_id": "x"}}, {})]
    with pytest.raises(VenueAway, match="another client id"):
        venue.find_order(known)
    script.replies[:] = [(200, {"order": documents.ORDER | {"order_id": "x"}}, {})]
    with pytest.raises(VenueAway, match="another order"):
        venue.find_order(known)


def test_recent_orders_are_those_listed_and_those_only_their_fills_tell_of(script, venue):
    hidden = documents.ORDER | {"order_id": "o-2", "client_order_id": "hidden"}
    fill = documents.FILL | {"order_id": "o-2"}
    since = SIGNED_AT - timedelta(minutes=1)
    script.answers(
        documents.ORDERS,
        {"fills": [documents.FILL, fill | {"trade_id": "t-2"}], "cursor": ""},
        {"order": hidden},
    )
    found = venue.recent_orders(BTC, since)
    assert [one.venue_order_id for one in found] == [THEIRS, "o-2"]
    listed, fills, single = script.received
    assert listed.path == f"{API}/orders/historical/batch"
    assert ("product_ids", "BTC-USD") in listed.params
    assert fills.path == f"{API}/orders/historical/fills"
    assert single.path == f"{API}/orders/historical/o-2"


def test_open_orders_are_everything_that_rests_in_any_state(script, venue):
    pending = documents.ORDER | {"order_id": "o-1", "status": "PENDING", "client_order_id": ""}
    canceling = documents.ORDER | {"order_id": "o-3", "status": "CANCEL_QUEUED"}
    ended = documents.ORDER | {"order_id": "o-4", "status": "CANCELLED"}

    def page(*orders) -> dict:
        return {"orders": list(orders), "has_next": False, "cursor": ""}

    script.answers(page(pending), page(documents.ORDER, pending), page(canceling, ended))
    found = {one.venue_order_id: one.status for one in venue.open_orders()}
    assert found == {
        "o-1": OrderStatus.OPEN,
        THEIRS: OrderStatus.OPEN,
        "o-3": OrderStatus.CANCELING,
    }
    asked = [
        [value for name, value in one.params if name == "order_status"] for one in script.received
    ]
    assert asked == [["PENDING", "QUEUED"], ["OPEN"], ["CANCEL_QUEUED", "EDIT_QUEUED"]]


def test_fills_come_from_all_pages_oldest_first_and_once(script, venue):
    later = documents.FILL | {"trade_id": "t-2", "trade_time": "2026-11-21T12:00:05Z"}
    early = documents.FILL | {"trade_id": "t-0", "trade_time": "2026-11-21T11:00:00Z"}
    script.answers(
        {"fills": [later, documents.FILL], "cursor": "next"},
        {"fills": [documents.FILL, early], "cursor": "more"},
        {"fills": [], "cursor": ""},
    )
    fills = venue.fills(BTC, SIGNED_AT)
    assert [one.trade_id for one in fills] == [documents.FILL["trade_id"], "t-2"]
    assert script.received[0].path == f"{API}/orders/historical/fills"
    assert script.received[0].params == [
        ("limit", "100"),
        ("product_ids", "BTC-USD"),
        ("start_sequence_timestamp", "2026-11-21T11:59:59.987000Z"),
    ]


def test_what_coinbase_corrected_by_hand_is_no_fill_and_hides_none(script, venue):
    corrected = documents.FILL | {"trade_id": "t-7", "trade_type": "REVERSAL"}
    script.answers({"fills": [corrected, documents.FILL], "cursor": ""})
    (fill,) = venue.fills(BTC, SIGNED_AT)
    assert fill.trade_id == documents.FILL["trade_id"]


def test_fills_of_one_order_carry_our_id(script, venue):
    other = documents.FILL | {"order_id": "o-9", "trade_id": "t-9"}
    script.answers({"fills": [documents.FILL, other], "cursor": ""})
    order = reference(venue_order_id=THEIRS, symbol="BTC-USDC")
    (fill,) = venue.fills("BTC-USDC", SIGNED_AT, order)
    assert (fill.client_order_id, fill.venue_order_id) == (OURS, THEIRS)
    assert (fill.symbol, fill.fee_asset) == ("BTC-USDC", "USDC")
    assert only(script).params == [("limit", "100"), ("order_ids", THEIRS)]


def test_fills_of_an_order_without_the_venues_id_look_it_up(script, venue):
    script.answers(documents.ORDERS, documents.FILLS)
    (fill,) = venue.fills(BTC, SIGNED_AT, reference())
    assert fill.quantity == Decimal("0.0011")
    script.replies[:] = [(200, {"orders": [], "has_next": False}, {})]
    assert venue.fills(BTC, SIGNED_AT, reference()) == []


def test_a_cancel_names_the_order_by_the_venues_id(script, venue, server):
    script.answers(documents.CANCELED)
    assert venue.cancel(reference(venue_order_id=THEIRS)) is CancelAnswer.REQUESTED
    request = only(script)
    assert (request.method, request.target) == ("POST", f"{API}/orders/batch_cancel")
    assert request.document == {"order_ids": [THEIRS]}
    verified(request, server.host)


def test_a_cancel_without_the_venues_id_looks_it_up_first(script, venue):
    script.answers(documents.ORDERS, documents.CANCELED)
    assert venue.cancel(reference()) is CancelAnswer.REQUESTED
    assert [one.method for one in script.received] == ["GET", "POST"]
    script.replies[:] = [(200, {"orders": [], "has_next": False}, {})]
    assert venue.cancel(reference()) is CancelAnswer.GONE


def test_a_cancel_without_an_answer_is_an_outage_and_sent_once(script, venue):
    script.replies.append("reset")
    with pytest.raises(VenueAway):
        venue.cancel(reference(venue_order_id=THEIRS))
    assert len(script.received) == 1


def test_a_refused_token_is_told_apart_from_a_wrong_clock(script, venue):
    script.answers(b"Unauthorized", status=401)
    with pytest.raises(KeyRefused):
        venue.balances()
    venue.set_offset(timedelta(minutes=5))
    with pytest.raises(ClockSkewed):
        venue.balances()


def test_there_is_no_dead_man_switch(venue, script):
    assert venue.arm_dead_man(60, [BTC]) is False
    assert script.received == []


def test_the_lanes_of_an_opened_venue_ask_through_adapters_of_their_own(script, credentials):
    script.answers(documents.CREATED)
    opened = open_venue(VenueName.COINBASE, credentials)
    try:
        assert opened.submit(replace(wanted(), send_by=time.monotonic() + 5)) == Accepted(
            venue_order_id=THEIRS
        )
        assert opened.finality == timedelta(seconds=60)
    finally:
        opened.close()
