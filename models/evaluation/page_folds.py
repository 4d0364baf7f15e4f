"""The model fold by fold, and what moved between learning and testing."""

from collections.abc import Sequence
from math import isfinite

from models.evaluation.markup import Html, badge, means, note, section, table, tag
from models.evaluation.sheet import FoldScore
from models.evaluation.wording import NOTHING, count, day, figure, share, signed

_SHIFTED, _DRIFTED = 0.1, 0.2
_COLUMNS = (
    "Fold",
    "From",
    "Until",
    "Rows",
    "Effective",
    "Trees",
    "Won",
    "AUC",
    "Log loss",
    "Base rate's",
    "Better by",
    "ECE",
    "PSI",
)


def folds_section(folds: Sequence[FoldScore]) -> Html:
    """Return one row per test block, and what moved between learning and testing."""
    if not folds:
        return section("folds", "Walk-forward", note("No fold was tested."))
    better = sum(one.base_log_loss - one.log_loss > 0 for one in folds)
    return section(
        "folds",
        "Walk-forward, fold by fold",
        means(
            f"In {better} of {len(folds)} folds the model was better than the base rate. Skill in "
            "one fold only is often luck; skill in most of them is worth more. Each fold learned "
            "only from candles before it."
        ),
        table("Test blocks", _COLUMNS, [_fold(one) for one in folds]),
        means(
            "PSI tells how far the numbers have moved since training: up to 0.1 is calm, up to 0.2 "
            "has moved, beyond 0.2 has drifted. What moved may no longer mean what was learned."
        ),
        table(
            "What moved (PSI)",
            ("Fold", "Model's margins", "Features that drifted", "Moved most"),
            [_moved(one) for one in folds],
            kind="prose",
        ),
    )


def _fold(one: FoldScore) -> tuple[str, ...]:
    return (
        str(one.number),
        day(one.tested_from),
        day(one.tested_until),
        count(one.rows),
        count(one.n_effective),
        count(one.trees),
        share(one.base_rate, 1),
        figure(one.auc, 3),
        figure(one.log_loss, 4),
        figure(one.base_log_loss, 4),
        signed(one.base_log_loss - one.log_loss, 4),
        figure(one.ece, 3),
        figure(one.psi, 3),
    )


def _moved(one: FoldScore) -> tuple[str, ...]:
    worst = ", ".join(f"{name} {figure(psi, 2)}" for name, psi in one.psi_features)
    margins = tag("span", f"{figure(one.psi, 3)} ", _drift(one.psi), class_="keep")
    return (f"Fold {one.number}", margins, share(one.drifted_ratio, 0), worst or NOTHING)


def _drift(psi: float) -> Html:
    if not isfinite(psi):
        return Html("")
    if psi > _DRIFTED:
        return badge("drifted", "bad")
    return badge("moved", "open") if psi > _SHIFTED else badge("calm", "good")
