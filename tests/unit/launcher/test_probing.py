"""`trading live-probe`: questions to a venue, with tiny orders of which nothing is left behind."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from launcher.cli import application
from launcher.masking import Mask
from launcher.probes.sizing import crossing_buy, crossing_sell, least_quantity, resting_buy
from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.venue import TopOfBook, TradingRules
from simulator.server import running_simulator
from simulator.settings import ExchangeSettings
from venues.port import VenueKeys, VenueName

BTC = Symbol("BTC-USD")


@pytest.fixture
def probe(tmp_path):
    def run(simulator, *words: str, **env: str):
        prefix = simulator.venue.upper()
        told = {
            "TRADING_STATE_DIR": str(tmp_path),
            "TRADING_MODE": "paper",
            "EXECUTOR__VENUE": simulator.venue.value,
            "EXECUTOR__VENUE_URL": simulator.url,
            "EXECUTOR__VENUE_STREAM_URL": simulator.stream_url,
            f"{prefix}_API_KEY": simulator.key.key,
            f"{prefix}_API_SECRET": simulator.key.secret,
            f"{prefix}_API_PASSPHRASE": simulator.key.passphrase,
            "COLUMNS": "250",
        }
        asked = ["live-probe", simulator.venue.value, *words]
        return CliRunner().invoke(application(asked), asked, env=told | env)

    return run


def is_clean(simulator) -> bool:
    return all(order.state.is_over for order in simulator.oracle().orders)


def answers_of(result) -> dict[str, str]:
    """Return the answers by the name of their evidence."""
    document = json.loads(result.stdout)
    return {one["evidence"][3:-5]: one["answer"] for one in document["questions"]}


SETTLED = {
    VenueName.COINBASE: {
        "same-id-twice": "while open: the first order is told again; after its end: the first",
        "spot-stop-limit": "yes",
        "kind-of-key": "ECDSA (ES256) is taken",
        "shorter-token": "a token of 5 s is taken; 15 s after its end it is refused",
        "paging": "the singular product_id is ignored",
    },
    VenueName.BINANCE_US: {
        "user-stream": "listenKey: HTTP 200",
        "filters": "'minNotional': '1.00000000'",
        "orders-limits": "ORDERS 100 per 10 second",
        "same-id-twice": "Duplicate order sent",
        "oco": "/orderList/oco: HTTP 404",
        "real-fee": "a ratio of 0.001",
    },
    VenueName.KUCOIN: {
        "same-id-twice": "102426",
        "late-request": "400100",
        "ended-orders": "the oldest of them by its id: 200000",
        "unified-account": "no: active orders say 200000",
        "key-version": "header 3: 200000",
        "id-after-fill": "ANOTHER ORDER IS MADE",
    },
}


@pytest.mark.parametrize(
    "venue",
    [
        VenueName.BINANCE_US,
        pytest.param(VenueName.COINBASE, marks=pytest.mark.long),
        pytest.param(VenueName.KUCOIN, marks=pytest.mark.long),
    ],
)
def test_every_question_is_answered_with_evidence_and_nothing_is_left(venue, probe, tmp_path):
    with running_simulator(venue) as simulator:
        result = probe(simulator, "--yes", "--json")
        assert result.exit_code == 0, result.output
        assert is_clean(simulator)
        assert simulator.oracle().is_conserved
        answers = answers_of(result)
        assert answers.keys() == SETTLED[venue].keys()
        for name, words in SETTLED[venue].items():
            assert words in answers[name], name
        bought = [order for order in simulator.oracle().orders if order.filled_quantity]
        assert sum(order.filled_quantity * order.limit_price for order in bought) < 4
        (folder,) = tmp_path.glob(f"probes/{venue}/*")
        assert folder.name == f"{datetime.now(UTC):%Y-%m-%d}"
        for number, name in enumerate(SETTLED[venue], 1):
            evidence = json.loads((folder / f"{number:02d}-{name}.json").read_text())
            assert evidence["exchanges"], name
            assert all(one["response"]["body"] for one in evidence["exchanges"]), name
        assert (folder / "summary.json").exists()
        told = "".join(file.read_text() for file in folder.iterdir()) + result.output
        for line in (simulator.key.key, *simulator.key.secret.splitlines()[1:-1]):
            assert line not in told
        assert "Bearer" not in told


def test_what_costs_more_than_the_budget_is_not_begun(probe):
    with running_simulator(VenueName.KUCOIN) as simulator:
        result = probe(simulator, "--yes", "--budget", "1")
        assert result.exit_code == 3, result.output
        assert "the budget is 1" in result.output
        assert simulator.oracle().orders == ()


def test_what_the_account_cannot_pay_is_not_begun(probe):
    settings = ExchangeSettings(funds={"USDT": Decimal("0.5")})
    with running_simulator(VenueName.KUCOIN, settings=settings) as simulator:
        result = probe(simulator, "--yes")
        assert result.exit_code == 3, result.output
        assert "nothing was sent" in result.output
        assert simulator.oracle().orders == ()


def test_questions_that_fail_say_so_the_rest_goes_on_and_nothing_is_left(probe):
    with running_simulator(VenueName.COINBASE) as simulator:
        simulator.plan(
            [{"match": {"operation": "create", "times": 0}, "do": {"fault": "error_after"}}]
        )
        result = probe(simulator, "--yes", "--json")
        assert result.exit_code == 1, result.output
        assert simulator.oracle().orders != ()
        assert is_clean(simulator)
        answers = answers_of(result)
        assert answers["same-id-twice"].startswith("not ")
        assert "is taken" in answers["kind-of-key"]


def test_what_was_bought_and_may_not_be_sold_is_said(probe):
    with running_simulator(VenueName.BINANCE_US) as simulator:
        simulator.plan(
            [{"match": {"operation": "query", "times": 0}, "do": {"fault": "error_before"}}]
        )
        result = probe(simulator, "--yes")
        assert result.exit_code == 1, result.output
        assert "BTC may have been bought and not sold" in result.output
        assert "not answered" in result.output


def test_nothing_is_asked_unless_a_person_says_so(probe):
    with running_simulator(VenueName.KUCOIN) as simulator:
        result = probe(simulator)
        assert result.exit_code == 2, result.output
        assert "add --yes" in result.output
        assert "is sold back at once" in result.output
        assert simulator.oracle().orders == ()


def test_a_venue_that_is_not_switched_on_gets_no_real_order(probe):
    with running_simulator(VenueName.KUCOIN) as simulator:
        result = probe(simulator, "--yes", TRADING_MODE="live")
        assert result.exit_code == 78
        assert "EXECUTOR__KUCOIN_ENABLED" in result.output


@pytest.mark.parametrize(
    ("symbol", "says"), [("DOGE-USDT", "is not traded"), ("btcusdt", "is not an instrument")]
)
def test_an_instrument_that_is_not_there_is_said(probe, symbol, says):
    with running_simulator(VenueName.KUCOIN) as simulator:
        result = probe(simulator, "--yes", "--symbol", symbol)
        assert result.exit_code == 2
        assert says in result.output


def rules(lot: str = "0.00001", least: str = "1", quantity: str = "0.00001") -> TradingRules:
    return TradingRules(
        instrument=Instrument(
            symbol=BTC,
            venue="coinbase",
            base="BTC",
            quote="USD",
            tick_size=Decimal("0.01"),
            lot_size=Decimal(lot),
            min_notional=Decimal(least),
        ),
        venue_symbol="BTC-USD",
        min_quantity=Decimal(quantity),
        max_quantity=None,
        max_notional=None,
        market_lot_size=None,
        is_trading=True,
        is_limit_only=False,
        is_post_only=False,
        is_cancel_only=False,
        order_types=frozenset(OrderType),
        time_in_forces=frozenset(TimeInForce),
    )


TOP = TopOfBook(
    symbol=BTC,
    bid=Decimal(60_000),
    bid_quantity=Decimal(1),
    ask=Decimal(60_010),
    ask_quantity=Decimal(1),
    at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("known", "least"),
    [
        (rules(), "0.00002"),
        (rules(lot="0.00000001", quantity="0.00000001"), "0.00001667"),
        (rules(quantity="0.0001"), "0.0001"),
    ],
)
def test_the_least_quantity_keeps_lot_minimum_and_notional(known, least):
    assert least_quantity(known, Decimal(60_000)) == Decimal(least)


def test_what_rests_is_far_below_and_what_is_bought_can_be_sold_back():
    tiny = resting_buy(rules(), TOP)
    assert (tiny.side, tiny.price) == (Side.BUY, Decimal("57000.00"))
    bought = crossing_buy(rules(), TOP)
    assert bought.price > TOP.ask
    after_fee = bought.quantity * Decimal("0.99")
    sold = crossing_sell(rules(), TOP, after_fee)
    assert sold is not None
    assert sold.notional >= 1
    assert crossing_sell(rules(), TOP, Decimal("0.000005")) is None


def test_the_mask_hides_keys_wherever_they_are_and_fields_that_name_somebody():
    mask = Mask(VenueKeys(key="the-api-key", secret="the-secret", passphrase="short"))
    assert mask("x the-secret y the-api-key") == "x hidden y hidden"
    assert mask('{"listenKey": "abc", "uid": 12, "size": "1"}') == (
        '{"listenKey": "hidden", "uid": "hidden", "size": "1"}'
    )
    assert mask("a=1&signature=0f0f&b=2") == "a=1&signature=hidden&b=2"
