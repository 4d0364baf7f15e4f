"""A manifest, an evaluation and a verdict with values as a real training gives them."""

from datetime import UTC, datetime

from models.evaluation.sheet import (
    Against,
    Condition,
    Estimate,
    Evaluation,
    GateVerdict,
    KindScore,
    Rank,
)
from models.features import FEATURE_NAMES, GROUPS
from models.manifest import LabelRule, Manifest, Window
from shared.domain.ids import Symbol
from tests.unit.models.evaluation_parts import (
    DAY,
    START,
    fold,
    leaks,
    money,
    reliability,
    results,
    skill,
)

BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
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
        "trials": 24,
    }
    return Manifest(**values | changes)


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
        "n_effective_test": 356.7,
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
