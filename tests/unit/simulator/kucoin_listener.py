"""A process that hears its orders with KuCoin's own stream client, which cannot be closed.

Arguments: the address, key, secret and passphrase. Prints the first three kinds of events.
"""

import asyncio
import os
import sys
import warnings

warnings.simplefilter("ignore")

from kucoin.client import Trade, WsToken  # noqa: E402 - it warns when it is imported
from kucoin.ws_client import KucoinWsClient  # noqa: E402

TOPIC = "/spotMarket/tradeOrdersV2"


async def listen(url: str, key: str, secret: str, passphrase: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def callback(message: dict) -> None:
        await heard.put(message["data"]["type"])

    credentials = {"key": key, "secret": secret, "passphrase": passphrase, "url": url}
    loop = asyncio.get_running_loop()
    client = await KucoinWsClient.create(loop, WsToken(**credentials), callback, private=True)
    await client.subscribe(TOPIC)
    await asyncio.sleep(0.5)  # it does not tell when its subscription has been taken
    trade = Trade(**credentials)
    await asyncio.to_thread(
        trade.create_hf_market_order, "BTC-USDT", "buy", clientOid="heard", size="0.01"
    )
    kinds = [await asyncio.wait_for(heard.get(), 10) for _ in range(3)]
    sys.stdout.write(" ".join(kinds))
    sys.stdout.flush()
    os._exit(0)


asyncio.run(listen(*sys.argv[1:]))
