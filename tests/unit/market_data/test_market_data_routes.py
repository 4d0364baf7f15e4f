"""Candles over HTTP: what is stored, what is missing, page by page."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from fastapi.testclient import TestClient

from market_data.feeds.synthetic import SyntheticMarket
from market_data.repository import Shelf
from market_data.routes import Desk, router
from market_data.tasks import store_series
from shared.domain.enums import Interval
from shared.http.auth import HEADER
from shared.http.paging import encode_cursor
from shared.runtime.service import build_runtime, create_api, new_metrics
from shared.runtime.settings import MarketSettings, PlatformSettings, load

KEY = "r" * 40
SHELF = Shelf(venue="synthetic", interval=Interval.H1)
INSTRUMENTS = load(MarketSettings, instruments="BTC-USDT").catalogue()


@pytest.fixture
def series():
    """Forty candles; ten are missing in three places, two were bridged."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    market = SyntheticMarket(
        instruments=INSTRUMENTS, interval=Interval.H1, seed=7, start=start
    ).history(50)["BTC-USDT"]
    keep = np.ones(50, dtype=bool)
    keep[[5, 6, 7, 20, 30, 31, 32, 33, 34, 35]] = False
    is_filled = np.zeros(40, dtype=bool)
    is_filled[[1, 2]] = True
    return replace(
        market, open_at=market.open_at[keep], ohlcv=market.ohlcv[keep], is_filled=is_filled
    )


@pytest.fixture
def get(transactions, tmp_path, series):
    store_series(transactions, SHELF, "file", series, lambda *_: None)
    settings = load(PlatformSettings, trading_state_dir=tmp_path, trading_api_keys=f"read:{KEY}")
    api = create_api(
        name="market_data", title="x", runtime=build_runtime(settings), metrics=new_metrics()
    )
    api.include_router(
        router(
            Desk(
                transactions=transactions,
                venue="synthetic",
                interval=Interval.H1,
                instruments=INSTRUMENTS,
            )
        )
    )
    client = TestClient(api, raise_server_exceptions=False)
    return lambda path, **query: client.get(path, params=query, headers={HEADER: KEY})


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_gaps_come_in_pages(get, limit):
    found, cursor = [], {}
    while cursor is not None:
        page = get("/gaps", symbol="BTC-USDT", limit=limit, **cursor).json()
        assert len(page["items"]) <= limit
        found += [one["candles"] for one in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    assert found == [3, 1, 6]


def test_the_list_of_instruments_counts_what_is_stored_and_what_was_bridged(get, series):
    (one,) = get("/symbols").json()["items"]
    assert (one["candles"], one["bridged"]) == (40, 2)
    assert datetime.fromisoformat(one["first_open_at"]).timestamp() == series.open_at[0]


@pytest.mark.parametrize("at", ["2024-01-01T00:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_cursor_that_is_no_instant_in_utc_is_bad_input(get, at):
    cursor = encode_cursor([at])
    answer = get("/candles", symbol="BTC-USDT", cursor=cursor, to="2024-02-01T00:00:00Z")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "cursor")
