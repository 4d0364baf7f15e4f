"""How much chance there is in an AUC, and how many labels it takes to see past it.

Source: the variance of the Mann-Whitney statistic without skill, (n + 1) / (12 n1 n0).
"""

from math import ceil, inf, sqrt

from shared.domain.errors import BadInput


def auc_error(won: float, lost: float) -> float:
    """Return the standard error of the AUC of a model without skill, infinite if none won or lost.

    `won` and `lost` are effective labels: sums of uniqueness.
    """
    if won <= 0 or lost <= 0:
        return inf
    return sqrt((won + lost + 1) / (12 * won * lost))


def labels_for_auc(auc: float, sigmas: float = 2.0) -> int:
    """Return how many effective labels, half of them won, put `auc` so many errors above chance.

    Raises:
        BadInput: `auc` is chance.
    """
    if auc == 0.5:
        raise BadInput("auc", "0.5 cannot be told from chance", "give another")
    # sqrt((n + 1) / (3 n^2)) is sqrt(1 / (3 n)) for any n worth asking about
    return ceil(sigmas**2 / (3 * (auc - 0.5) ** 2) - 0.5)
