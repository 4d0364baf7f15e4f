"""A running platform tells every metric that is promised, each by the service whose it is."""

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from launcher.assembly import NAMES, build_services
from shared.bus.consumer import wait_until_idle
from shared.db.engine import DatabaseAddress
from shared.runtime.sampling import measure
from shared.runtime.serve import Platform, resume_time
from shared.runtime.service import build_runtime, new_metrics
from tests.acceptance.drive import OneRound
from tests.acceptance.worlds import SEED, SHORT_LIVED_TRADES, settings_on
from tests.database import empty_database
from tests.venue_world import Trading, exchange

EVERYBODY = {
    "trading_mode_info", "trading_build_info", "http_request_seconds", "event_log_rows",
    "db_pool_in_use", "db_pool_size", "process_start_time_seconds",
}  # fmt: skip
CONSUMER = {"stage_latency_seconds", "consumer_lag_seconds", "consumer_failures"}
ORDERS = {
    "orders", "order_ack_seconds", "order_unknown_outcomes", "fills", "order_slippage_bps",
    "fees_quote", "executor_leader", "reconciliation_divergence",
    "reconciliation_last_success_timestamp_seconds",
}  # fmt: skip
AT_VENUE = {
    "venue_request_seconds", "venue_rate_limit_used_ratio", "venue_clock_skew_seconds",
    "execution_surprises",
}  # fmt: skip
OF_MODELS = {
    "signal_refusals", "feature_coverage_ratio", "model_info", "model_age_seconds",
    "model_retrain_seconds", "model_health_state", "model_prediction_psi", "model_matured_labels",
    "model_feature_psi_max", "model_calibration_z", "model_live_brier", "prediction_probability",
}  # fmt: skip
OWN = {
    "market_data": {"candle_age_seconds", "candle_gaps", "candle_interval_seconds"},
    "signal_generator": {"signals", *OF_MODELS, *CONSUMER},
    "signals": {"signals", *CONSUMER},
    "recommender": {"recommendations", *CONSUMER},
    "risk": {
        "risk_decisions", "kelly_fraction", "risk_exposure_ratio", "risk_drawdown_ratio",
        "risk_limit_ratio", "trading_state", *CONSUMER,
    },
    "executor": {*ORDERS, *CONSUMER},
    "portfolio": {
        "portfolio_equity_quote", "portfolio_pnl_realized_quote", "portfolio_pnl_unrealized_quote",
        "portfolio_unexplained_positions", "portfolio_position_value_quote", *CONSUMER,
    },
}  # fmt: skip
CANDLES = 460  # features need 400 before a model is asked; then something is held
KNOWN_AT_ONCE = {
    "portfolio": ("portfolio_equity_quote", "portfolio_position_value_quote"),
    "risk": ("risk_drawdown_ratio", "risk_exposure_ratio", "risk_limit_ratio", "trading_state"),
    "signal_generator": ("model_health_state", "model_matured_labels"),
}


def test_each_service_of_a_mock_platform_tells_its_metrics_and_no_others(
    tmp_path, models_dir, monkeypatch
):
    for name, value in SHORT_LIVED_TRADES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(models_dir))
    platform = run(tmp_path, CANDLES)
    told = {one.name: scrape(one) for one in platform.services}
    for name, mine in OWN.items():
        assert mine | EVERYBODY <= touched(told[name]), name
        assert set(told[name]) - EVERYBODY - mine <= foreign(told[name]) | venue_only(name), name
    again = run(tmp_path, CANDLES)  # has no candle left: it tells what was written down
    for name, known in KNOWN_AT_ONCE.items():
        service = next(one for one in again.services if one.name == name)
        before, after = values(told[name], known), values(scrape(service), known)
        assert before
        assert {key: after.get(key) for key in before} == before
    held = {one.labels["symbol"] for one in told["portfolio"]["portfolio_position_value_quote"]}
    assert held == {"ETH-USDT"}  # of what was sold again nothing is told any more


def test_an_executor_at_a_venue_tells_how_the_venue_is(sqlite_engine):
    with exchange("kucoin") as sim, Trading(sqlite_engine, sim) as running:
        running.ready()
        running.wait_status(running.approve(), "filled")
        wanted = ORDERS | AT_VENUE
        running.wait(lambda: wanted <= touched(scrape(running.service)))
        found = scrape(running.service)
    assert found["executor_leader"][0].value == 1
    assert {one.value for one in found["execution_surprises"] if one.name.endswith("_total")} == {0}


def test_a_gauge_says_nothing_before_it_is_set():
    metrics = new_metrics()
    assert metrics.registry.get_sample_value("portfolio_equity_quote") is None
    metrics.portfolio_equity_quote.set(0)
    assert metrics.registry.get_sample_value("portfolio_equity_quote") == 0


def run(folder, instants):
    """Run the whole platform to the end of its candles, in this process and without a socket."""
    settings = settings_on(DatabaseAddress(file=folder / "trading.sqlite"), folder)
    if not (folder / "ran").exists():
        empty_database(settings.database())
        (folder / "ran").touch()
    runtime = build_runtime(settings)
    resume_time(runtime)
    consumers = tuple(name for name in NAMES if name != "market_data")
    feed = {"limit": instants, "seed": SEED, "candles_per_second": 0, "wait_for": consumers}
    platform = Platform(build_services(runtime, (), market_data=feed), runtime)
    platform.start()
    try:
        platform.wait_for("market_data.feed")
        wait_until_idle(runtime.transactions("observer"), platform.stop, 60)
        measure(platform.services, runtime.transactions("sampler"))
        market = next(one for one in platform.services if one.name == "market_data")
        next(one for one in market.tasks if one.name == "freshness").run(OneRound())
    finally:
        platform.shut_down()
    assert not platform.failed
    return platform


def scrape(service):
    """Give the samples of every metric that has any, by its name."""
    with TestClient(service.api) as client:
        client.get("/health")
        text = client.get("/metrics").text
    families = text_string_to_metric_families(text)
    return {
        one.name: one.samples
        for one in families
        if one.samples and not one.name.endswith("_created")  # when a count began
    }


def touched(found):
    """Give what has been set, or counted at least once, or begun to be counted."""
    return {
        name
        for name, samples in found.items()
        if any(one.value or not one.name.endswith(("_count", "_sum", "_bucket")) for one in samples)
    }


def foreign(found):
    return {name for name in found if name.startswith("process_")}


def venue_only(name):
    """What is declared, and told only where there is a venue."""
    return {"executor": AT_VENUE, "market_data": AT_VENUE}.get(name, set())


def values(found, names):
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for name in names
        for one in found.get(name, ())
    }
