"""Every metric of the platform, declared once; each service registers its own set."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BPS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100)
_SHARES = tuple(step / 20 for step in range(1, 20))


class Metrics:
    """Base units, `_total` counters, never ids as labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        def histogram(
            name: str, text: str, labels: tuple[str, ...] = (), buckets: Any = _LATENCY
        ) -> Histogram:
            return Histogram(name, text, labels, registry=registry, buckets=buckets)

        self.trading_mode_info = gauge("trading_mode_info", "The mode this process runs in", "mode")
        self.trading_build_info = gauge("trading_build_info", "The running version", "version")
        self.http_request_seconds = histogram(
            "http_request_seconds", "Time to answer a request", ("route", "method", "status")
        )
        self.stage_latency_seconds = histogram(
            "stage_latency_seconds", "From the candle's announcement to this commit", ("stage",)
        )
        self.consumer_lag_seconds = gauge(
            "consumer_lag_seconds", "Age of the last batch when it was handled", "consumer"
        )
        self.consumer_failures_total = counter(
            "consumer_failures_total", "Batches that had to be tried again", "consumer"
        )
        self.event_log_rows = gauge("event_log_rows", "Facts in the log")
        self.db_pool_in_use = gauge("db_pool_in_use", "Database connections in use")

        self.candle_age_seconds = gauge(
            "candle_age_seconds", "Since the newest stored candle closed", "venue", "symbol"
        )
        self.candle_gaps_total = counter(
            "candle_gaps_total", "Candles bridged, or missing before one that was published"
        )

        self.signals_total = counter(
            "signals_total", "Signals by what they say", "source", "action"
        )
        self.signal_refusals_total = counter(
            "signal_refusals_total", "Why a source did not act", "reason"
        )
        self.feature_coverage_ratio = gauge(
            "feature_coverage_ratio", "Share of features that were finite, worst instrument"
        )
        self.model_info = gauge("model_info", "Models in use", "symbol", "release_id", "role")
        self.model_age_seconds = gauge("model_age_seconds", "Age of the model in use", "symbol")
        self.model_prediction_psi = gauge(
            "model_prediction_psi",
            "Drift of the probabilities, adjusted to what was usual",
            "symbol",
        )
        self.model_feature_psi_max = gauge(
            "model_feature_psi_max", "Drift of the feature that moved most", "symbol"
        )
        self.model_calibration_z = gauge(
            "model_calibration_z", "Standard errors by which wins exceed promises", "symbol"
        )
        self.model_live_brier = gauge(
            "model_live_brier", "Brier score of the newest matured labels", "symbol"
        )
        self.model_matured_labels = gauge(
            "model_matured_labels", "Matured labels that the live monitors look at", "symbol"
        )
        self.model_health_state = gauge(
            "model_health_state", "1 for the state the model in use is in", "symbol", "state"
        )
        self.prediction_probability = histogram(
            "prediction_probability", "Calibrated probabilities", buckets=_SHARES
        )

        self.recommendations_total = counter(
            "recommendations_total", "Recommendations issued", "action"
        )
        self.risk_decisions_total = counter(
            "risk_decisions_total", "Verdicts by reason", "verdict", "reason"
        )
        self.kelly_fraction = histogram(
            "kelly_fraction", "Share of equity asked for before caps", buckets=_SHARES
        )
        self.risk_exposure_ratio = gauge("risk_exposure_ratio", "Exposure over equity", "scope")
        self.risk_drawdown_ratio = gauge("risk_drawdown_ratio", "Fall from the peak of equity")
        self.trading_state = gauge("trading_state", "1 for the state in force", "state")

        self.orders_total = counter(
            "orders_total", "Orders by the status they reached", "venue", "side", "status"
        )
        self.order_ack_seconds = histogram("order_ack_seconds", "Sent to answered")
        self.order_unknown_outcomes = gauge("order_unknown_outcomes", "Orders we must ask about")
        self.fills_total = counter("fills_total", "Executions", "venue", "liquidity")
        self.order_slippage_bps = histogram(
            "order_slippage_bps", "Fill against the market before it", buckets=_BPS
        )
        self.fees_quote_total = counter("fees_quote_total", "Fees paid, in quote")
        self.reconciliation_last_success_timestamp_seconds = gauge(
            "reconciliation_last_success_timestamp_seconds", "When books and venue last agreed"
        )
        self.reconciliation_divergence = gauge(
            "reconciliation_divergence", "Differences between books and venue", "venue", "kind"
        )
        self.execution_surprises_total = counter(
            "execution_surprises_total",
            "What a venue did that the books cannot explain",
            "venue",
            "kind",
        )
        self.venue_request_seconds = histogram(
            "venue_request_seconds", "Time a venue took", ("venue", "operation", "outcome")
        )
        self.venue_rate_limit_used_ratio = gauge(
            "venue_rate_limit_used_ratio", "Used share of the venue's tightest limit", "venue"
        )
        self.venue_clock_skew_seconds = gauge(
            "venue_clock_skew_seconds", "The venue's clock minus ours", "venue"
        )
        self.executor_leader = gauge("executor_leader", "1 while this executor may act")

        self.portfolio_equity_quote = gauge("portfolio_equity_quote", "Account value")
        self.portfolio_pnl_realized_quote = gauge("portfolio_pnl_realized_quote", "Realised PnL")
        self.portfolio_unexplained_positions = gauge(
            "portfolio_unexplained_positions", "Instruments of which more was sold than was held"
        )
        self.portfolio_pnl_unrealized_quote = gauge(
            "portfolio_pnl_unrealized_quote", "Unrealised PnL"
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of all metrics, as Prometheus sees them."""
        found = (value for value in vars(self).values() if isinstance(value, MetricWrapperBase))
        return tuple(sorted(family.name for metric in found for family in metric.describe()))
