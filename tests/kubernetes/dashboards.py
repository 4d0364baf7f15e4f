"""The four dashboards. `N` stands for the chosen namespace; without Kubernetes there is none."""

from collections.abc import Mapping

from tests.kubernetes.panels import Line, Panel, bars, dashboard, lines, stat, states

N = 'namespace=~"$namespace"'
_LEADS: Mapping[float, tuple[str, str]] = {0: ("nobody", "red"), 1: ("leads", "green")}
_STATE: Mapping[float, tuple[str, str]] = {
    0: ("run", "green"),
    1: ("reduce", "yellow"),
    2: ("halt", "red"),
}
_HEALTH: Mapping[float, tuple[str, str]] = {
    0: ("green", "green"),
    1: ("yellow", "yellow"),
    2: ("red", "red"),
}


def _worst(metric: str, label: str, first: str, second: str, by: str) -> str:
    """Return 0, 1 where `first` holds and 2 where `second` does."""
    return (
        f'max by ({by}) ({metric}{{{N}, {label}="{first}"}}) '
        f'+ 2 * max by ({by}) ({metric}{{{N}, {label}="{second}"}})'
    )


def _quantile(share: float, metric: str, by: str, more: str = "") -> str:
    rate = f"rate({metric}_bucket{{{N}{more}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le{by}) ({rate}))"


def overview() -> Panel:
    equity = f"max by (namespace) (portfolio_equity_quote{{{N}}})"
    realized = f"max by (namespace) (portfolio_pnl_realized_quote{{{N}}})"
    unrealized = f"max by (namespace) (portfolio_pnl_unrealized_quote{{{N}}})"
    drawdown = f"max by (namespace) (risk_drawdown_ratio{{{N}}})"
    exposure = f'max by (namespace) (risk_exposure_ratio{{{N}, scope="total"}})'
    limit = f"max by (namespace) (risk_limit_ratio{{{N}"
    panels = [
        stat("Equity", "Account value at the last mark, in the reporting currency.", equity, decimals=2),
        stat("Since the beginning of this view", "Change of equity over the time range; what came and went beside trading is in it.",
             f"{equity} - max by (namespace) (portfolio_equity_quote{{{N}}} offset $__range)", decimals=2),
        stat("Trading state", "run, reduce (only exits pass) or halt (the kill switch).",
             _worst("trading_state", "state", "reduce", "halt", "namespace"), words=_STATE),
        stat("Mode", "mock, paper or live.", f"max by (mode) (trading_mode_info{{{N}}})", legend="{{mode}}", words={1: ("running", "green")}),
        stat("Below the peak", "Fall of equity from its peak.", drawdown, "percentunit", steps=(0.15, 0.2), decimals=2, min=0),
        stat("Invested", "Positions and promised entries, share of equity.", exposure, "percentunit", steps=(0.75, 0.82), decimals=1, min=0),
        stat("Open positions", "Instruments that are held.", f"namespace:portfolio_open_positions:count{{{N}}}", decimals=0),
        stat("Executor", "Whether an executor may act.", f"max by (namespace) (executor_leader{{{N}}})", words=_LEADS),
        lines("Equity over time", "Marked at every close of a candle.", "short", Line(equity, "equity")),
        lines("Profit and loss", "Realised and unrealised, in the reporting currency.", "short",
              Line(realized, "realised"), Line(unrealized, "unrealised")),
        lines("Drawdown and its limit", "At the limit risk goes to reduce.", "percentunit",
              Line(drawdown, "below the peak"), Line(f'{limit}, limit="drawdown"}})', "limit"), min=0),
        lines("Exposure and its limit", "Share of equity: everything, filled positions, what others hold on the account.", "percentunit",
              Line(f"max by (scope) (risk_exposure_ratio{{{N}}})", "{{scope}}"), Line(f'{limit}, limit="exposure"}})', "limit"), min=0),
        bars("Positions", "Worth of what is held, in the reporting currency.", "short",
             Line(f"max by (symbol) (portfolio_position_value_quote{{{N}}})", "{{symbol}}"), decimals=2),
        bars("Verdicts and why", "What risk decided in this time range: approved, or the first check that refused.", "short",
             Line(f"sum by (verdict, reason) (increase(risk_decisions_total{{{N}}}[$__range])) > 0", "{{verdict}}: {{reason}}"), decimals=0),
        bars("Why models did not act", "Reasons of the signals that say hold, in this time range; docs/refusals.md explains each.", "short",
             Line(f"topk(10, sum by (reason) (increase(signal_refusals_total{{{N}}}[$__range]))) > 0", "{{reason}}"), decimals=0),
        bars("Orders by what became of them", "Statuses that orders reached in this time range.", "short",
             Line(f"sum by (side, status) (increase(orders_total{{{N}}}[$__range])) > 0", "{{side}} {{status}}"), decimals=0),
        states("Trading state over time", "Green trades, yellow only makes positions smaller, red sends nothing.",
               Line(_worst("trading_state", "state", "reduce", "halt", "namespace"), "state"), _STATE),
    ]  # fmt: skip
    return dashboard("cte-overview", "Trading: overview", "The account: equity, risk, positions, today's decisions and why.", panels, "now/d")  # fmt: skip


def models() -> Panel:
    def by_symbol(metric: str) -> Line:
        return Line(f"max by (symbol) ({metric}{{{N}}})", "{{symbol}}")

    panels = [
        states("Health of the models in use", "Judged once a day; red is not listened to.",
               Line(_worst("model_health_state", "state", "yellow", "red", "symbol"), "{{symbol}}"), _HEALTH),
        bars("Age", "Since training; from the red line on confidence falls.", "s", by_symbol("model_age_seconds"), steps=(604800.0,), min=0),
        bars("Models by role", "Instruments with a champion, a shadow, a challenger.", "short",
             Line(f"count by (role) (max by (role, symbol) (model_info{{{N}}}))", "{{role}}"), decimals=0, min=0),
        lines("Drift of the probabilities (PSI)", "Confidence is half at 0.25; refused from 0.50 on.", "short", by_symbol("model_prediction_psi"), steps=(0.1, 0.5), min=0),
        lines("Drift of the feature that moved most (PSI)", "How far the worst feature has moved from training.", "short", by_symbol("model_feature_psi_max"), min=0),
        lines("Calibration", "Standard errors by which wins differ from what was promised; beyond 3 refused.", "short", by_symbol("model_calibration_z"), steps=(2.0, 3.0)),
        lines("Brier score", "Of the newest labels that matured; 0.25 is a coin.", "short", by_symbol("model_live_brier"), steps=(0.25,), min=0),
        bars("Matured labels", "Under 50 the live monitors say nothing.", "short", by_symbol("model_matured_labels"), decimals=0, min=0),
        lines("Features that were there", "Share of finite features, worst instrument.", "percentunit",
              Line(f"min by (namespace) (feature_coverage_ratio{{{N}}})", "coverage"), min=0, max=1),
        lines("Signals", "By source and what they say.", "short",
              Line(f"sum by (source, action) (increase(signals_total{{{N}}}[$__rate_interval]))", "{{source}}: {{action}}"), min=0),
        bars("Why models did not act", "In this time range; docs/refusals.md explains each.", "short",
             Line(f"sum by (reason) (increase(signal_refusals_total{{{N}}}[$__range])) > 0", "{{reason}}"), decimals=0),
        lines("Probabilities", "Quantiles of the calibrated probabilities.", "percentunit",
              *(Line(_quantile(share, "prediction_probability", ""), f"{share:.0%}") for share in (0.1, 0.5, 0.9)), min=0, max=1),
        lines("Kelly fraction", "Share of equity asked for, before caps: quantiles.", "percentunit",
              *(Line(_quantile(share, "kelly_fraction", ""), f"{share:.0%}") for share in (0.5, 0.9)), min=0),
    ]  # fmt: skip
    return dashboard("cte-models", "Trading: models", "What models say, how fresh they are and whether it comes true.", panels, "now-7d")  # fmt: skip


def execution() -> Panel:
    requests = f"venue_request_seconds_count{{{N}}}"
    panels = [
        stat("Executor", "Whether an executor may act.", f"max by (namespace) (executor_leader{{{N}}})", words=_LEADS),
        stat("Unknown outcomes", "Orders of which nobody knows whether they exist.", f"sum by (namespace) (order_unknown_outcomes{{{N}}})", steps=(1.0,), decimals=0),
        stat("Differences", "Between our books and the venue.", f"sum by (namespace) (reconciliation_divergence{{{N}}})", steps=(1.0,), decimals=0),
        stat("Since books and venue agreed", "They are compared every minute.",
             f"time() - max by (namespace) (reconciliation_last_success_timestamp_seconds{{{N}}})", "s", steps=(120.0, 300.0)),
        lines("Orders", "By the status they reached.", "short", Line(f"sum by (venue, status) (increase(orders_total{{{N}}}[$__rate_interval]))", "{{venue}} {{status}}"), min=0),
        lines("Fills", "Executions, by who was resting.", "short", Line(f"sum by (venue, liquidity) (increase(fills_total{{{N}}}[$__rate_interval]))", "{{venue}} {{liquidity}}"), min=0),
        lines("Orders that fail", "Refused, not sent or lost, of those that ended in half an hour.", "percentunit",
              Line(f"namespace_venue:orders_failed:increase30m{{{N}}} / namespace_venue:orders_ended:increase30m{{{N}}}", "{{venue}}"), steps=(0.25,), min=0, max=1),
        lines("Time to an answer", "From sending an order to the answer: quantiles.", "s",
              *(Line(_quantile(share, "order_ack_seconds", ""), f"{share:.0%}") for share in (0.5, 0.95, 0.99)), min=0),
        lines("Slippage", "Fill against the market before it, in hundredths of a percent; more is worse.", "short",
              *(Line(_quantile(share, "order_slippage_bps", ""), f"{share:.0%}") for share in (0.5, 0.9))),
        lines("Fees", "Paid, in the quote currency.", "short", Line(f"sum by (namespace) (increase(fees_quote_total{{{N}}}[$__rate_interval]))", "fees"), min=0),
        lines("Differences by kind", "What the comparison of books and venue found.", "short",
              Line(f"sum by (venue, kind) (reconciliation_divergence{{{N}}})", "{{venue}} {{kind}}"), min=0),
        bars("Surprises", "What venues did that the books cannot explain, in this time range.", "short",
             Line(f"sum by (venue, kind) (increase(execution_surprises_total{{{N}}}[$__range]))", "{{venue}} {{kind}}"), decimals=0, steps=(1.0,), min=0),
        lines("Requests to venues", "By what came of them, per second.", "reqps",
              Line(f"sum by (venue, outcome) (rate({requests}[$__rate_interval]))", "{{venue}} {{outcome}}"), min=0),
        lines("Time a venue takes", "95 % of the requests are answered within.", "s",
              Line(_quantile(0.95, "venue_request_seconds", ", venue, operation"), "{{venue}} {{operation}}"), min=0),
        lines("Rate limit used", "Share of the tightest limit.", "percentunit", Line(f"max by (venue) (venue_rate_limit_used_ratio{{{N}}})", "{{venue}}"), steps=(0.8,), min=0, max=1),
        lines("Clocks", "The venue's minus ours; from 1 s on nothing is sent.", "s", Line(f"max by (venue) (venue_clock_skew_seconds{{{N}}})", "{{venue}}")),
    ]  # fmt: skip
    return dashboard("cte-execution", "Trading: execution", "Orders, fills, venues, and whether the books agree with them.", panels, "now-24h")  # fmt: skip


def platform() -> Panel:
    up = f'up{{job="trading", {N}}}'
    panels = [
        stat("Processes that answer", "Of those Prometheus knows.", f"sum by (namespace) ({up})", decimals=0),
        stat("Processes that do not", "Cannot be scraped.", f"sum by (namespace) (1 - {up})", steps=(1.0,), decimals=0),
        stat("Facts in the log", "Rows kept until everybody has heard them and their days are over.", f"max by (namespace) (event_log_rows{{{N}}})", decimals=0),
        stat("Version", "What runs.", f"count by (version) (trading_build_info{{{N}}})", legend="{{version}}", decimals=0),
        lines("Age of the newest candle", "Up to one candle is usual; above two nothing is bought.", "s",
              Line(f"max by (venue, symbol) (candle_age_seconds{{{N}}})", "{{venue}} {{symbol}}"), Line(f"2 * max by (namespace) (candle_interval_seconds{{{N}}})", "two candles"), min=0),
        lines("Candles that were missing", "Bridged, or missing before one that was published.", "short", Line(f"sum by (namespace) (increase(candle_gaps_total{{{N}}}[$__rate_interval]))", "gaps"), min=0),
        lines("From candle to commit", "95 % of the batches of each stage are committed within.", "s", Line(_quantile(0.95, "stage_latency_seconds", ", stage"), "{{stage}}"), min=0),
        lines("Consumer lag", "Age of the oldest fact that waits.", "s", Line(f"max by (consumer) (consumer_lag_seconds{{{N}}})", "{{consumer}}"), steps=(30.0,), min=0),
        lines("Batches tried again", "Facts are handled in order: one that fails holds up those behind it.", "short",
              Line(f"sum by (consumer) (increase(consumer_failures_total{{{N}}}[$__rate_interval]))", "{{consumer}}"), min=0),
        lines("Database connections", "In use, and how many are kept.", "short",
              Line(f"max by (instance) (db_pool_in_use{{{N}}})", "{{instance}}"), Line(f"min by (namespace) (db_pool_size{{{N}}})", "kept"), min=0),
        lines("Time to answer", "95 % of the requests of each route are answered within.", "s", Line(_quantile(0.95, "http_request_seconds", ", route"), "{{route}}"), min=0),
        lines("Answers", "By HTTP status, per second.", "reqps", Line(f"sum by (status) (rate(http_request_seconds_count{{{N}}}[$__rate_interval]))", "{{status}}"), min=0),
        lines("Memory", "Resident, of each process.", "bytes", Line(f'process_resident_memory_bytes{{job="trading", {N}}}', "{{instance}}"), min=0),
        lines("Processor", "Cores used by each process.", "short", Line(f'rate(process_cpu_seconds_total{{job="trading", {N}}}[$__rate_interval])', "{{instance}}"), min=0),
        lines("Starts", "How often each process started anew within half an hour.", "short", Line(f'changes(process_start_time_seconds{{job="trading", {N}}}[30m])', "{{instance}}"), min=0),
        lines("Recommendations", "Issued, by what they ask for.", "short", Line(f"sum by (action) (increase(recommendations_total{{{N}}}[$__rate_interval]))", "{{action}}"), min=0),
    ]  # fmt: skip
    return dashboard("cte-platform", "Trading: platform", "Processes, facts, database: whether the machinery runs.", panels, "now-24h")  # fmt: skip


DASHBOARDS = {
    "overview": overview,
    "models": models,
    "execution": execution,
    "platform": platform,
}
