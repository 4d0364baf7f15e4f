"""What a training shows fold by fold, and which features moved its margins."""

from datetime import UTC, datetime

import numpy as np

from models.candidate import OutOfFold
from models.evaluate import auc, ece, log_loss
from models.evaluation.sheet import FoldScore, Rank
from models.evaluation.skill import Judged
from models.features import FEATURE_NAMES, GROUPS

_DRIFTED = 0.2
_WORST = 5


def fold_scores(found: OutOfFold, judged: Judged) -> tuple[FoldScore, ...]:
    """Return the figures of every fold that tested a row of the scope."""
    return tuple(_fold_score(found, judged, number) for number in np.unique(found.fold_of).tolist())


def _fold_score(found: OutOfFold, judged: Judged, number: int) -> FoldScore:
    mine = found.fold_of == number
    y, weights, p = judged.y[mine], judged.weights[mine], judged.p[mine]
    psi = found.psi_features[number]
    worst = np.argsort(-psi, kind="stable")[:_WORST].tolist()
    return FoldScore(
        number=number + 1,
        tested_from=_instant(int(judged.decided_at[mine].min())),
        tested_until=_instant(int(judged.decided_at[mine].max())),
        rows=int(mine.sum()),
        n_effective=float(weights.sum()),
        trees=found.rounds[number],
        base_rate=float(np.average(y, weights=weights)),
        auc=auc(judged.margins[mine], y, weights),
        log_loss=log_loss(p, y, weights),
        base_log_loss=log_loss(judged.base[mine], y, weights),
        ece=ece(p, y, weights),
        psi=found.psi[number],
        drifted_ratio=float((psi > _DRIFTED).mean()),
        psi_features=tuple((FEATURE_NAMES[place], float(psi[place])) for place in worst),
    )


def ranking_of(found: OutOfFold) -> tuple[Rank, ...]:
    """Return all features, those that moved the margins most first."""
    order = np.argsort(-found.contributions, kind="stable").tolist()
    return tuple(
        Rank(
            name=FEATURE_NAMES[place],
            group=GROUPS[place],
            contribution=float(found.contributions[place]),
        )
        for place in order
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
