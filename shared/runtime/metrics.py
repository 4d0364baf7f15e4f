"""Every metric of the platform, declared once; each service registers its own set."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BPS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100)
_SHARES = tuple(step / 20 for step in range(1, 20))


class _Known(Gauge):
    """A gauge that says nothing until it is set: after a start, 0 would be a claim."""

    _is_known = False

    def set(self, value: float) -> None:
        super().set(value)
        self._is_known = True

    def _child_samples(self) -> tuple[Sample, ...]:
        return tuple(super()._child_samples()) if self._is_known else ()


@dataclass(frozen=True, slots=True)
class _Declare:
    """Declares metrics in a registry; without one they can be set, and nobody sees them."""

    registry: CollectorRegistry | None

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return _Known(name, text, labels, registry=self.registry)

    def histogram(
        self, name: str, text: str, labels: tuple[str, ...] = (), buckets: Any = _LATENCY
    ) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=buckets)


class Metrics:
    """Base units, `_total` counters, never ids as labels.

    `service`: whose they are; what other services tell is not registered. None registers all.
    """

    def __init__(self, registry: CollectorRegistry, service: str | None = None) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)

        def of(*services: str) -> _Declare:
            return _Declare(registry if service is None or service in services else None)

        self._of_everybody(_Declare(registry))
        self._of_market_data(of("market_data"))
        self._of_signals(of("signal_generator"), of("signal_generator", "signals"))
        self._of_decisions(of("recommender"), of("risk"))
        self._of_executor(of("executor"), of("executor", "market_data"))
        self._of_portfolio(of("portfolio"))

    def _of_everybody(self, everybody: _Declare) -> None:

        self.trading_mode_info = everybody.gauge(
            "trading_mode_info", "The mode this process runs in", "mode"
        )
        self.trading_build_info = everybody.gauge(
            "trading_build_info", "The running version", "version"
        )
        self.http_request_seconds = everybody.histogram(
            "http_request_seconds", "Time to answer a request", ("route", "method", "status")
        )
        self.stage_latency_seconds = everybody.histogram(
            "stage_latency_seconds", "From the candle's announcement to this commit", ("stage",)
        )
        self.consumer_lag_seconds = everybody.gauge(
            "consumer_lag_seconds",
            "Age of the oldest fact that waits, or of the last batch when it was handled",
            "consumer",
        )
        self.consumer_failures_total = everybody.counter(
            "consumer_failures_total", "Batches that had to be tried again", "consumer"
        )
        self.event_log_rows = everybody.gauge("event_log_rows", "Facts in the log")
        self.db_pool_in_use = everybody.gauge("db_pool_in_use", "Database connections in use")
        self.db_pool_size = everybody.gauge(
            "db_pool_size", "Database connections kept; what is in use beyond them is overflow"
        )

    def _of_market_data(self, market_data: _Declare) -> None:
        self.candle_age_seconds = market_data.gauge(
            "candle_age_seconds", "Since the newest stored candle closed", "venue", "symbol"
        )
        self.candle_interval_seconds = market_data.gauge(
            "candle_interval_seconds", "Length of a candle"
        )
        self.candle_gaps_total = market_data.counter(
            "candle_gaps_total", "Candles bridged, or missing before one that was published"
        )

    def _of_signals(self, generator: _Declare, sources: _Declare) -> None:
        self.signals_total = sources.counter(
            "signals_total", "Signals by what they say", "source", "action"
        )
        self.signal_refusals_total = generator.counter(
            "signal_refusals_total", "Why a source did not act", "reason"
        )
        self.feature_coverage_ratio = generator.gauge(
            "feature_coverage_ratio", "Share of features that were finite, worst instrument"
        )
        self.model_info = generator.gauge(
            "model_info", "Models in use", "symbol", "release_id", "role"
        )
        self.model_age_seconds = generator.gauge(
            "model_age_seconds", "Age of the model in use", "symbol"
        )
        self.model_retrain_seconds = generator.gauge(
            "model_retrain_seconds", "Age of a model from which confidence falls"
        )
        self.model_prediction_psi = generator.gauge(
            "model_prediction_psi",
            "Drift of the probabilities, adjusted to what was usual",
            "symbol",
        )
        self.model_feature_psi_max = generator.gauge(
            "model_feature_psi_max", "Drift of the feature that moved most", "symbol"
        )
        self.model_calibration_z = generator.gauge(
            "model_calibration_z", "Standard errors by which wins exceed promises", "symbol"
        )
        self.model_live_brier = generator.gauge(
            "model_live_brier", "Brier score of the newest matured labels", "symbol"
        )
        self.model_matured_labels = generator.gauge(
            "model_matured_labels", "Matured labels that the live monitors look at", "symbol"
        )
        self.model_health_state = generator.gauge(
            "model_health_state", "1 for the state the model in use is in", "symbol", "state"
        )
        self.prediction_probability = generator.histogram(
            "prediction_probability", "Calibrated probabilities", buckets=_SHARES
        )

    def _of_decisions(self, recommender: _Declare, risk: _Declare) -> None:
        self.recommendations_total = recommender.counter(
            "recommendations_total", "Recommendations issued", "action"
        )
        self.risk_decisions_total = risk.counter(
            "risk_decisions_total", "Verdicts by reason", "verdict", "reason"
        )
        self.kelly_fraction = risk.histogram(
            "kelly_fraction", "Share of equity asked for before caps", buckets=_SHARES
        )
        self.risk_exposure_ratio = risk.gauge(
            "risk_exposure_ratio", "Exposure over equity", "scope"
        )
        self.risk_drawdown_ratio = risk.gauge("risk_drawdown_ratio", "Fall from the peak of equity")
        self.risk_limit_ratio = risk.gauge(
            "risk_limit_ratio", "The limit in force, share of equity", "limit"
        )
        self.trading_state = risk.gauge("trading_state", "1 for the state in force", "state")

    def _of_executor(self, executor: _Declare, at_venues: _Declare) -> None:
        self.orders_total = executor.counter(
            "orders_total", "Orders by the status they reached", "venue", "side", "status"
        )
        self.order_ack_seconds = executor.histogram("order_ack_seconds", "Sent to answered")
        self.order_unknown_outcomes = executor.gauge(
            "order_unknown_outcomes", "Orders we must ask about"
        )
        self.fills_total = executor.counter("fills_total", "Executions", "venue", "liquidity")
        self.order_slippage_bps = executor.histogram(
            "order_slippage_bps", "Fill against the market before it", buckets=_BPS
        )
        self.fees_quote_total = executor.counter("fees_quote_total", "Fees paid, in quote")
        self.reconciliation_last_success_timestamp_seconds = executor.gauge(
            "reconciliation_last_success_timestamp_seconds", "When books and venue last agreed"
        )
        self.reconciliation_divergence = executor.gauge(
            "reconciliation_divergence", "Differences between books and venue", "venue", "kind"
        )
        self.execution_surprises_total = executor.counter(
            "execution_surprises_total",
            "What a venue did that the books cannot explain",
            "venue",
            "kind",
        )
        self.venue_request_seconds = at_venues.histogram(
            "venue_request_seconds", "Time a venue took", ("venue", "operation", "outcome")
        )
        self.venue_rate_limit_used_ratio = executor.gauge(
            "venue_rate_limit_used_ratio", "Used share of the venue's tightest limit", "venue"
        )
        self.venue_clock_skew_seconds = at_venues.gauge(
            "venue_clock_skew_seconds", "The venue's clock minus ours", "venue"
        )
        self.executor_leader = executor.gauge("executor_leader", "1 while this executor may act")

    def _of_portfolio(self, portfolio: _Declare) -> None:
        self.portfolio_equity_quote = portfolio.gauge("portfolio_equity_quote", "Account value")
        self.portfolio_pnl_realized_quote = portfolio.gauge(
            "portfolio_pnl_realized_quote", "Realised PnL"
        )
        self.portfolio_unexplained_positions = portfolio.gauge(
            "portfolio_unexplained_positions", "Instruments of which more was sold than was held"
        )
        self.portfolio_pnl_unrealized_quote = portfolio.gauge(
            "portfolio_pnl_unrealized_quote", "Unrealised PnL"
        )

        self.portfolio_position_value_quote = portfolio.gauge(
            "portfolio_position_value_quote", "Worth of what is held", "symbol"
        )

    def described(self) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """Yield the name, the labels and the meaning of every metric."""
        for name, metric in vars(self).items():
            if isinstance(metric, MetricWrapperBase):
                (family,) = metric.describe()
                labels = metric._labelnames  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                yield name, labels, family.documentation
