"""A manifest, an evaluation and a verdict with values as a real training gives them."""

from datetime import UTC, datetime, timedelta
from math import exp, sin

from models.evaluation.finding import Finding, Verdict
from models.evaluation.sheet import (
    Against,
    Bin,
    Condition,
    Estimate,
    Evaluation,
    FoldScore,
    GateVerdict,
    KindScore,
    Money,
    Rank,
    Reliability,
    Skill,
    StrategyResult,
    Top,
)
from models.features import FEATURE_NAMES, GROUPS
from models.manifest import LabelRule, Manifest, Window
from shared.domain.ids import Symbol

BTC, ETH, SOL = Symbol("BTC-USDT"), Symbol("ETH-USDT"), Symbol("SOL-USDT")
START = datetime(2022, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RELEASE = "BTCUSDT_full_dataset_cpu_xgboost_model_20241201_013000"
CHAMPION = "BTCUSDT_full_dataset_cpu_xgboost_model_20240801_013000"


def manifest(**changes):
    values = {
        "release_id": RELEASE,
        "scope": "BTCUSDT",
        "symbols": (BTC,),
        "venue": "binance",
        "references": {BTC: ETH},
        "kind": "global",
        "created_at": datetime(2024, 12, 1, 1, 30, tzinfo=UTC),
        "trained_until": datetime(2024, 11, 30, 23, tzinfo=UTC),
        "interval_seconds": 3600,
        "schema_hash": "5e1f0a" * 10,
        "label": LabelRule(),
        "windows": {
            "train": Window(
                first_at=START, last_at=START + 900 * DAY, rows=21_600, n_effective=1_730.4
            ),
            "holdout": Window(
                first_at=START + 950 * DAY, last_at=START + 995 * DAY, rows=1_080, n_effective=88.2
            ),
        },
        "data_fingerprint": "0123456789abcdef" * 4,
        "params": {"max_depth": 4, "eta": 0.03, "tree_method": "hist"},
        "seed": 20_260_101,
        "rounds": 117,
        "device_requested": "cuda",
        "device": "cpu",
        "versions": {"python": "3.11.9", "xgboost": "3.2.0", "numpy": "2.4.1"},
        "platform": "linux-x86_64",
        "files": {},
        "parent_id": CHAMPION,
    }
    return Manifest(**values | changes)


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


def evaluation(**changes):
    values = {
        "scope": "BTCUSDT",
        "kind": "global",
        "folds": tuple(fold(number) for number in range(1, 7)),
        "skill": skill(),
        "reliability": reliability(),
        "walk_forward": money(),
        "holdout_skill": skill(
            rows=1_080,
            n_effective=88.2,
            log_loss=0.69333,
            base_log_loss=0.69299,
            gain=Estimate(value=-0.00034, low=-0.0041, high=0.0033),
            p_value=0.571,
            auc=Estimate(value=0.5142, low=0.4713, high=0.5562),
            roc=tuple((x / 40, min((x / 40) ** 0.96, 1.0)) for x in range(41)),
        ),
        "holdout": money(
            first_at=START + 950 * DAY,
            last_at=START + 995 * DAY,
            results=results(first=950, days=46),
            deflated_sharpe=None,
        ),
        "holdout_at": datetime(2024, 12, 1, 1, 29, tzinfo=UTC),
        "ranking": tuple(
            Rank(name=name, group=group, contribution=0.081 / (1 + place))
            for place, (name, group) in enumerate(zip(FEATURE_NAMES, GROUPS, strict=True))
        ),
        "kinds": (
            KindScore(kind="global", log_loss=0.69012, auc=0.5372, lead=0.0, lead_error=0.0),
            KindScore(kind="blend", log_loss=0.69001, auc=0.5381, lead=0.00011, lead_error=0.00042),
            KindScore(kind="own", log_loss=0.69188, auc=0.5242, lead=-0.00176, lead_error=0.00093),
        ),
        "leaks": leaks(),
        "n_effective_train": 1_730.4,
        "champion": Against(
            release_id=CHAMPION,
            gain=Estimate(value=0.00071, low=-0.00031, high=0.00172),
            p_value=0.131,
            max_drawdown=0.0377,
            is_expired=False,
        ),
    }
    return Evaluation(**values | changes)


def condition(name, group, is_met, value, limit, remedy=""):
    return Condition(name=name, group=group, is_met=is_met, value=value, limit=limit, remedy=remedy)


def verdict(**changes):
    values = {
        "is_passed": False,
        "sentence": "BTCUSDT should not trade: it has some skill, but not enough to earn more than "
        "it costs (not met: earns per trade, more than luck).",
        "conditions": (
            condition("leak checks", "integrity", True, "clean", "L1 to L6, L9 and L10 pass"),
            condition(
                "ranks wins before losses",
                "skill",
                True,
                "AUC 0.5372, 5 % bound 0.5121",
                "5 % bound above 0.5",
            ),
            condition(
                "promises kept",
                "calibration",
                True,
                "calibration error 0.0213",
                "at most 0.0587, what chance allows",
            ),
            condition(
                "earns per trade",
                "money",
                False,
                "0.041% after costs, lower bound -0.052%",
                "above 0, 10 % bound too",
                "trade where it costs less, or at a longer horizon with wider barriers",
            ),
            condition(
                "more than luck",
                "money",
                False,
                "deflated Sharpe 0.613 after 24 tries",
                "at least 0.95",
                "try fewer configurations on more data",
            ),
            condition(
                "shadow record",
                "shadow",
                None,
                "judged when it is to be promoted",
                "14 days and 100 matured labels",
                "let it run in shadow",
            ),
        ),
        "champion_id": CHAMPION,
    }
    return GateVerdict(**values | changes)
