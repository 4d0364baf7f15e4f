"""The private stream: token, welcome, topics, pings, events."""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import websockets

from tests.unit.simulator.kucoin_served import (
    BTC,
    KEY,
    PASSPHRASE,
    SECRET,
    Served,
    served_kucoin,
)

TOPIC = "/spotMarket/tradeOrdersV2"


@pytest.fixture
def kucoin():
    with served_kucoin() as served:
        yield served


def address(kucoin: Served, kind="private"):
    data = kucoin.post(f"/api/v1/bullet-{kind}")
    server = data["instanceServers"][0]
    assert (server["encrypt"], server["pingInterval"]) == (None, 18_000)
    return f"{server['endpoint']}?token={data['token']}&connectId=c-1"


@asynccontextmanager
async def connected(url):
    async with websockets.connect(url) as stream:

        async def hear():
            return json.loads(await asyncio.wait_for(stream.recv(), 5))

        async def say(**message):
            await stream.send(json.dumps(message))

        yield hear, say


def test_orders_and_balances_are_told_in_the_order_they_happen(kucoin: Served):
    async def listen():
        loop = asyncio.get_running_loop()
        async with connected(address(kucoin)) as (hear, say):
            assert await hear() == {"id": "c-1", "type": "welcome"}
            for number, topic in enumerate((TOPIC, "/account/balance")):
                await say(id=number, type="subscribe", topic=topic, response=True)
                assert await hear() == {"id": str(number), "type": "ack"}
            await loop.run_in_executor(None, lambda: kucoin.place(clientOid="rests"))
            rested = [await hear() for _ in range(3)]
            await loop.run_in_executor(
                None, lambda: kucoin.place(clientOid="takes", type="market", price=None)
            )
            taken = [await hear() for _ in range(5)]
            return rested, taken

    rested, taken = asyncio.run(listen())

    received, opened, balance = (frame["data"] for frame in rested)
    assert (received["type"], received["status"]) == ("received", "new")
    assert (opened["type"], opened["status"], opened["clientOid"]) == ("open", "open", "rests")
    assert (balance["currency"], balance["holdChange"]) == ("USDT", balance["hold"])
    assert rested[0]["topic"] == TOPIC
    orders = [frame["data"] for frame in taken if frame["topic"] == TOPIC]
    assert [data["type"] for data in orders] == ["received", "match", "filled"]
    match = orders[1]
    assert (match["liquidity"], match["matchSize"], match["status"]) == ("taker", "0.01", "match")
    assert match["tradeId"] == str(
        kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT")["items"][0]["tradeId"]
    )
    moved = {frame["data"]["currency"]: frame["data"] for frame in taken if frame["topic"] != TOPIC}
    assert Decimal(moved["BTC"]["availableChange"]) == Decimal("0.01")


def test_an_order_that_takes_at_once_is_never_said_to_be_open(kucoin: Served):
    async def listen():
        loop = asyncio.get_running_loop()
        async with connected(address(kucoin)) as (hear, say):
            await hear()
            await say(id=1, type="subscribe", topic="/spotMarket/tradeOrders", response=True)
            await hear()
            kucoin.exchange.set_price(BTC, Decimal(50_000), Decimal("0.001"))
            await loop.run_in_executor(
                None, lambda: kucoin.place(price="50200", size="0.1", timeInForce="IOC")
            )
            heard = []
            while not heard or heard[-1]["data"]["status"] != "done":
                heard.append(await hear())
            return [frame["data"] for frame in heard]

    heard = asyncio.run(listen())

    assert {data["type"] for data in heard[:-1]} == {"match"}
    assert (heard[-1]["type"], heard[-1]["remainSize"]) == ("canceled", "0")
    assert Decimal(heard[-1]["canceledSize"]) + Decimal(heard[-1]["filledSize"]) == Decimal("0.1")


def test_what_is_left_of_an_order_after_its_first_match_is_open(kucoin: Served):
    kucoin.exchange.set_price(BTC, Decimal(50_000), Decimal("0.001"))

    async def listen():
        loop = asyncio.get_running_loop()
        async with connected(address(kucoin)) as (hear, say):
            await hear()
            await say(id=1, type="subscribe", topic=TOPIC, response=True)
            await hear()
            await loop.run_in_executor(None, lambda: kucoin.place(price="50005", size="0.002"))
            return [(await hear())["data"] for _ in range(3)]

    received, match, opened = asyncio.run(listen())

    assert [one["type"] for one in (received, match, opened)] == ["received", "match", "open"]
    assert (opened["filledSize"], opened["remainSize"]) == ("0.001", "0.001")


def test_pings_are_answered_and_what_is_unknown_is_an_error(kucoin: Served):
    async def talk():
        async with connected(address(kucoin)) as (hear, say):
            await hear()
            await say(id="7", type="ping")
            pong = await hear()
            await say(id="8", type="subscribe", topic="/nowhere", response=True)
            unknown = await hear()
            await say(id="9", type="shout")
            return pong, unknown, await hear()

    pong, unknown, shouted = asyncio.run(talk())

    assert (pong["id"], pong["type"]) == ("7", "pong")
    assert abs(pong["timestamp"] // 1000 - kucoin.now_ms()) < 5_000
    assert (unknown["type"], unknown["code"]) == ("error", 404)
    assert (shouted["type"], shouted["code"]) == ("error", 404)


def test_a_public_token_hears_nothing_private(kucoin: Served):
    async def talk():
        async with connected(address(kucoin, "public")) as (hear, say):
            await hear()
            await say(id="1", type="subscribe", topic=TOPIC, response=True)
            return await hear()

    assert asyncio.run(talk())["code"] == 401


def test_a_made_up_token_is_shown_the_door(kucoin: Served):
    async def talk():
        async with websockets.connect(f"ws://127.0.0.1:{kucoin.port}/?token=x&connectId=1") as one:
            said = json.loads(await one.recv())
            with pytest.raises(websockets.ConnectionClosed):
                await one.recv()
            return said

    assert asyncio.run(talk()) == {
        "id": "1",
        "type": "error",
        "code": 401,
        "data": "token is invalid",
    }


def test_the_unmodified_client_of_kucoin_hears_its_orders(kucoin: Served):
    listener = Path(__file__).with_name("kucoin_listener.py")

    said = subprocess.run(
        [sys.executable, listener, kucoin.url, KEY, SECRET, PASSPHRASE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert said.stdout.split() == ["received", "match", "filled"], said.stderr
