"""The metrics people rely on exist under their agreed names, labels and kinds."""

import pytest

from shared.runtime.service import new_metrics

PROMISED = {
    "trading_mode_info": ("mode",),
    "trading_build_info": ("version",),
    "candle_age_seconds": ("venue", "symbol"),
    "candle_interval_seconds": (),
    "candle_gaps_total": (),
    "signals_total": ("source", "action"),
    "signal_refusals_total": ("reason",),
    "feature_coverage_ratio": (),
    "model_info": ("symbol", "release_id", "role"),
    "model_age_seconds": ("symbol",),
    "model_retrain_seconds": (),
    "model_prediction_psi": ("symbol",),
    "model_feature_psi_max": ("symbol",),
    "model_calibration_z": ("symbol",),
    "model_live_brier": ("symbol",),
    "model_matured_labels": ("symbol",),
    "model_health_state": ("symbol", "state"),
    "prediction_probability": (),
    "recommendations_total": ("action",),
    "risk_decisions_total": ("verdict", "reason"),
    "kelly_fraction": (),
    "risk_exposure_ratio": ("scope",),
    "risk_drawdown_ratio": (),
    "risk_limit_ratio": ("limit",),
    "trading_state": ("state",),
    "orders_total": ("venue", "side", "status"),
    "order_ack_seconds": (),
    "order_unknown_outcomes": (),
    "fills_total": ("venue", "liquidity"),
    "order_slippage_bps": (),
    "fees_quote_total": (),
    "reconciliation_last_success_timestamp_seconds": (),
    "reconciliation_divergence": ("venue", "kind"),
    "executor_leader": (),
    "portfolio_equity_quote": (),
    "portfolio_pnl_realized_quote": (),
    "portfolio_pnl_unrealized_quote": (),
    "portfolio_position_value_quote": ("symbol",),
    "portfolio_unexplained_positions": (),
    "stage_latency_seconds": ("stage",),
    "consumer_lag_seconds": ("consumer",),
    "consumer_failures_total": ("consumer",),
    "event_log_rows": (),
    "db_pool_in_use": (),
    "db_pool_size": (),
    "http_request_seconds": ("route", "method", "status"),
    "execution_surprises_total": ("venue", "kind"),
    "venue_request_seconds": ("venue", "operation", "outcome"),
    "venue_rate_limit_used_ratio": ("venue",),
    "venue_clock_skew_seconds": ("venue",),
}


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_metric_exists_with_its_labels(name):
    metric = getattr(new_metrics(), name)
    (family,) = metric.describe()
    assert family.name == name.removesuffix("_total")
    assert metric._labelnames == PROMISED[name]
    assert (family.type == "counter") == name.endswith("_total")


def test_labels_are_never_ids_and_every_metric_has_a_text():
    metrics = new_metrics()
    for family in metrics.registry.collect():
        assert family.documentation, family.name
    for name, metric in vars(metrics).items():
        labels = getattr(metric, "_labelnames", ())
        ids = {label for label in labels if label.endswith("_id")} - {"release_id"}
        assert not ids, name


def test_every_attribute_is_called_what_prometheus_calls_it():
    metrics = new_metrics()
    for name, metric in vars(metrics).items():
        if name != "registry":
            (family,) = metric.describe()
            assert name in (family.name, f"{family.name}_total")


def test_nothing_is_declared_that_nobody_promised():
    assert set(vars(new_metrics())) == {"registry", *PROMISED}


def test_a_service_does_not_tell_what_another_one_knows():
    told = {family.name for family in new_metrics("risk").registry.collect()}
    assert "risk_drawdown_ratio" in told
    assert not told & {"portfolio_equity_quote", "executor_leader", "candle_age_seconds"}
