"""Which configurations are tried, in a fixed order: the first is the design's default."""

from dataclasses import asdict, replace
from itertools import product

from models.booster import BoosterParams
from models.training.workbench import digest_of
from shared.domain.errors import BadInput

MOST = 24
_RIDGES, _COLUMNS, _HESSIANS, _DEPTHS = (1.0, 4.0), (1.0, 0.5), (1.0, 4.0), (0, -1, 2)


def search_space(base: BoosterParams, count: int) -> tuple[BoosterParams, ...]:
    """Return `base` and its neighbours: shallower and deeper trees, larger leaves, fewer columns.

    Raises:
        BadInput: fewer than 1 or more than 24 are asked for.
    """
    if not 1 <= count <= MOST:
        raise BadInput("configurations", f"{count} are too many or none", f"ask for 1 to {MOST}")
    changes = product(_RIDGES, _COLUMNS, _HESSIANS, _DEPTHS)
    found = [
        replace(
            base,
            reg_lambda=base.reg_lambda * ridge,
            colsample_bytree=base.colsample_bytree * columns,
            min_child_weight=base.min_child_weight * hessian,
            max_depth=max(base.max_depth + depth, 1),
        )
        for ridge, columns, hessian, depth in changes
    ]
    return tuple(found[:count])


def settings_of(params: BoosterParams) -> dict[str, str | int | float]:
    """Return what tells one configuration from another: neither threads nor device do."""
    return {
        name: value for name, value in asdict(params).items() if name not in ("threads", "device")
    }


def name_of(params: BoosterParams) -> str:
    """Return what trees grown so are kept under: another device gives other trees."""
    return digest_of(settings_of(params), params.device)
