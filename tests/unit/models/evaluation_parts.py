"""Parts of an evaluation with values as a real training gives them."""

from datetime import UTC, datetime, timedelta
from math import exp, sin

from models.evaluation.finding import Finding, Verdict
from models.evaluation.sheet import (
    Bin,
    Estimate,
    FoldScore,
    Money,
    Reliability,
    Skill,
    StrategyResult,
    Top,
)

START = datetime(2022, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def curve(drift, swing, first=0, days=540):
    return tuple(
        (
            int((START + (first + day) * DAY).timestamp()),
            exp(
                drift * day + swing * (sin(day / 41) + 0.4 * sin(day / 7.3) + 0.1 * sin(1.9 * day))
            ),
        )
        for day in range(days)
    )


def result(name, *, drift=0.0, swing=0.0, first=0, days=540, **changes):
    drawn = curve(drift, swing, first, days)
    values = {
        "name": name,
        "net_return": drawn[-1][1] - 1,
        "sharpe": 0.83,
        "max_drawdown": 0.0412,
        "trades": 143,
        "hit_rate": 0.5315,
        "mean_net": Estimate(value=0.00041, low=-0.00052, high=0.00137),
        "turnover": 28.6,
        "exposure_ratio": 0.0713,
        "curve": drawn,
    }
    return StrategyResult(**values | changes)


def results(first=0, days=540):
    when = {"first": first, "days": days}
    nothing = {
        "trades": 0,
        "mean_net": None,
        "hit_rate": 0.0,
        "turnover": 0.0,
        "exposure_ratio": 0.0,
        "sharpe": 0.0,
        "max_drawdown": 0.0,
    }
    return (
        result("model", **when, drift=0.00007, swing=0.012),
        result("flat", **when, **nothing),
        result("buy and hold", **when, drift=0.0011, swing=0.22, trades=1, max_drawdown=0.4831),
        result("EMA/RSI", **when, drift=-0.0002, swing=0.03, trades=377, sharpe=-0.67),
        result("logistic regression", **when, drift=-0.00003, swing=0.014, sharpe=-0.12),
    )


def money(**changes):
    values = {
        "first_at": START,
        "last_at": START + 540 * DAY,
        "results": results(),
        "deflated_sharpe": 0.6127,
        "expected_max_sharpe": 0.0431,
        "overfitting_probability": 0.3429,
        "trials": 24,
    }
    return Money(**values | changes)


def skill(**changes):
    values = {
        "rows": 4_320,
        "n_effective": 356.7,
        "base_rate": 0.4873,
        "log_loss": 0.69012,
        "base_log_loss": 0.69281,
        "logit_log_loss": 0.69104,
        "gain": Estimate(value=0.00269, low=0.00044, high=0.00491),
        "p_value": 0.021,
        "auc": Estimate(value=0.5372, low=0.5121, high=0.5618),
        "brier": 0.24847,
        "base_brier": 0.24984,
        "tops": (
            Top(share=0.05, precision=0.5741, mean_net=0.00187),
            Top(share=0.1, precision=0.5524, mean_net=0.00093),
            Top(share=0.2, precision=0.5312, mean_net=-0.00041),
        ),
        "roc": tuple((x / 50, min((x / 50) ** 0.87, 1.0)) for x in range(51)),
    }
    return Skill(**values | changes)


def reliability(**changes):
    values = {
        "kind": "platt_margin",
        "ece": 0.0213,
        "ece_null_mean": 0.0405,
        "ece_null_high": 0.0587,
        "slope": 0.93,
        "intercept": -0.021,
        "mean_probability": 0.4911,
        "base_rate": 0.4873,
        "bins": tuple(
            Bin(
                promised=0.42 + 0.016 * at,
                observed=0.42 + 0.016 * at + 0.035 * sin(2.7 * at),
                n_effective=25.0 + 11 * (at % 3),
            )
            for at in range(10)
        ),
    }
    return Reliability(**values | changes)


def fold(number, **changes):
    values = {
        "number": number,
        "tested_from": START + 90 * number * DAY,
        "tested_until": START + (90 * number + 30) * DAY,
        "rows": 720,
        "n_effective": 59.4 + number,
        "trees": 60 + 23 * number,
        "base_rate": 0.47 + 0.01 * number,
        "auc": 0.5105 + 0.009 * number,
        "log_loss": 0.6939 - 0.0011 * number,
        "base_log_loss": 0.6928,
        "ece": 0.0431,
        "psi": 0.05 * number,
        "drifted_ratio": 0.04 * number,
        "psi_features": (
            ("vol_168", 0.4123),
            ("ref_corr_168", 0.3311),
            ("volume_z_24", 0.2214),
            ("atr_14", 0.1904),
            ("hour_sin", 0.0312),
        ),
    }
    return FoldScore(**values | changes)


def leaks():
    rows = (
        ("L1", "truncation", Verdict.PASSED, "Largest difference 0 deviations at 40 instants."),
        ("L7", "purge effect", Verdict.REPORTED, "AUC 0.5384 without the purge, 0.5340 with it."),
        ("L9", "too good", Verdict.FAILED, "AUC 0.71 is above 0.65."),
    )
    return tuple(
        Finding(check=check, title=title, verdict=verdict, detail=detail)
        for check, title, verdict, detail in rows
    )
