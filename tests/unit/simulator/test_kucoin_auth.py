"""Who is let in, and in which words KuCoin turns the others away."""

import pytest

from simulator.wire.kucoin.table import operation
from simulator.wire.port import Operation, RateLimits
from tests.unit.simulator.kucoin_served import (
    LIMIT_BUY,
    READ_KEY,
    Served,
    served_kucoin,
)


@pytest.fixture(scope="module")
def kucoin():
    with served_kucoin() as served:
        yield served


def said(answer) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_every_version_of_a_key_is_let_in(kucoin: Served, version):
    answer = kucoin.send("GET", "/api/v1/accounts", {"type": "trade"}, version=version)

    assert answer.json()["code"] == "200000"


def test_a_signature_over_other_bytes_is_refused(kucoin: Served):
    headers = kucoin.headers("POST", "/api/v1/hf/orders", '{"a": 1}')

    answer = kucoin.client.post(
        kucoin.url + "/api/v1/hf/orders", content='{"a":1}', headers=headers
    )

    assert said(answer) == (401, "400005", "Invalid KC-API-SIGN")


def test_a_query_may_be_signed_before_or_after_it_is_percent_encoded(kucoin: Served):
    sent = "/api/v1/trade-fees?symbols=BTC-USDT%2CETH-USDT"
    for signed in (sent, sent.replace("%2C", ",")):
        answer = kucoin.client.get(kucoin.url + sent, headers=kucoin.headers("GET", signed))
        assert answer.json()["code"] == "200000"


@pytest.mark.parametrize("lateness", [-6_000, 6_000])
def test_a_timestamp_more_than_five_seconds_off_is_refused(kucoin: Served, lateness):
    stamp = kucoin.now_ms() + lateness

    assert said(kucoin.send("GET", "/api/v1/accounts", stamp=stamp)) == (
        400,
        "400002",
        "Invalid KC-API-TIMESTAMP",
    )


def test_a_timestamp_four_seconds_old_is_taken(kucoin: Served):
    answer = kucoin.send("GET", "/api/v1/accounts", stamp=kucoin.now_ms() - 4_000)

    assert answer.status_code == 200


def test_an_unknown_key_is_refused(kucoin: Served):
    answer = kucoin.send("GET", "/api/v1/accounts", key="nobody")

    assert said(answer) == (401, "400003", "KC-API-KEY not exists")


def test_a_plain_passphrase_is_refused_where_a_signed_one_is_due(kucoin: Served):
    headers = kucoin.headers("GET", "/api/v1/accounts") | {"KC-API-PASSPHRASE": "a-passphrase"}

    answer = kucoin.client.get(kucoin.url + "/api/v1/accounts", headers=headers)

    assert said(answer) == (401, "400004", "Invalid KC-API-PASSPHRASE")


@pytest.mark.parametrize("name", ["KEY", "SIGN", "TIMESTAMP", "PASSPHRASE"])
def test_a_missing_header_is_named(kucoin: Served, name):
    headers = kucoin.headers("GET", "/api/v1/accounts")
    del headers[f"KC-API-{name}"]

    answer = kucoin.client.get(kucoin.url + "/api/v1/accounts", headers=headers)

    assert said(answer)[:2] == (401, "400001")


def test_a_key_that_only_reads_reads_and_does_not_trade(kucoin: Served):
    read = kucoin.send("GET", "/api/v1/hf/orders/active", {"symbol": "BTC-USDT"}, key=READ_KEY)
    traded = kucoin.send("POST", "/api/v1/hf/orders", body=LIMIT_BUY, key=READ_KEY)

    assert read.json() == {"code": "200000", "data": []}
    assert said(traded) == (403, "400007", "Access denied, require more permission.")


def test_keys_say_what_they_may_do(kucoin: Served):
    reading = kucoin.send("GET", "/api/v1/user/api-key", key=READ_KEY).json()["data"]

    assert kucoin.get("/api/v1/user/api-key")["permission"] == "General,Spot"
    assert kucoin.get("/api/v1/user/api-key")["ipWhitelist"] == "127.**.1"
    assert reading["permission"] == "General,Transfer"
    assert reading["ipWhitelist"] == ""


@pytest.mark.parametrize("path", ["/api/v1/hf/order", "/api/v1/stop-order", "/", "/api/v9/symbols"])
def test_what_is_not_there_is_not_found(kucoin: Served, path):
    assert said(kucoin.send("POST", path)) == (404, "404000", "Url Not Found")


def test_a_body_must_be_json(kucoin: Served):
    text = "a=1"
    headers = kucoin.headers("POST", "/api/v1/hf/orders", text)
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}

    def post(headers):
        return kucoin.client.post(kucoin.url + "/api/v1/hf/orders", content=text, headers=headers)

    assert said(post(form)) == (415, "415000", "Unsupported Media Type")
    assert said(post(headers))[:2] == (200, "400100")


def test_the_limit_is_told_in_headers_and_kept():
    with served_kucoin(RateLimits(scale=0.005)) as kucoin:  # 20 units of the spot pool
        first = kucoin.send("GET", "/api/v1/hf/orders/active", {"symbol": "BTC-USDT"})
        answers = [
            kucoin.send("GET", "/api/v1/hf/orders/active", {"symbol": "BTC-USDT"})
            for _ in range(25)
        ]

        assert first.headers["gw-ratelimit-limit"] == "20"
        assert first.headers["gw-ratelimit-remaining"] == "18"
        assert 0 < int(first.headers["gw-ratelimit-reset"]) <= 30_000
        refused = [answer for answer in answers if answer.status_code == 429]
        assert said(refused[0]) == (429, "429000", "Too Many Requests")
        assert refused[0].headers["gw-ratelimit-remaining"] == "0"
        # another pool has its own
        assert kucoin.send("GET", "/api/v1/accounts").status_code == 200


def test_limits_that_are_not_enforced_are_not_told():
    with served_kucoin(RateLimits(is_enforced=False, scale=0.0001)) as kucoin:
        answer = kucoin.send("GET", "/api/v1/hf/accounts/opened")

        assert answer.status_code == 200
        assert "gw-ratelimit-limit" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/api/v1/hf/orders", Operation.CREATE),
        ("POST", "/api/v1/hf/orders/sync", Operation.CREATE),
        ("DELETE", "/api/v1/hf/orders/sync/client-order/a", Operation.CANCEL),
        ("DELETE", "/api/v1/hf/orders/cancelAll", Operation.CANCEL),
        ("GET", "/api/v1/hf/orders/client-order/a", Operation.QUERY),
        ("GET", "/api/v1/hf/orders/0123", Operation.QUERY),
        ("GET", "/api/v1/hf/orders/active", Operation.OPEN_ORDERS),
        ("GET", "/api/v1/hf/orders/done", Operation.HISTORY),
        ("GET", "/api/v1/hf/fills", Operation.FILLS),
        ("POST", "/api/v1/hf/orders/dead-cancel-all", Operation.DEAD_MAN),
        ("POST", "/api/v1/bullet-private", Operation.STREAM),
        ("GET", "/", Operation.STREAM),
        ("GET", "/api/v2/symbols", Operation.RULES),
        ("GET", "/nowhere", Operation.OTHER),
    ],
)
def test_faults_can_be_planned_by_what_a_request_is_about(method, path, expected):
    assert operation(method, path) is expected
