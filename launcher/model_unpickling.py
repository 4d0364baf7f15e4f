"""The one place that opens a pickle: run as a file of its own by `import-legacy`, never imported.

Whatever is in the file runs here, as the person who asked for it. So the process that runs this has
no environment, a folder of its own, limits on memory, time and files, and where the system lets it,
no network. It leaves the trees as UBJSON and what it saw as JSON; who started it believes neither.

Called as: model_unpickling.py FOLDER, which holds `given`.
"""

import ctypes
import json
import math
import resource
import sys
from pathlib import Path
from typing import Any

_LIMITS = {
    resource.RLIMIT_AS: 4_000_000_000,
    resource.RLIMIT_CPU: 120,
    resource.RLIMIT_FSIZE: 20_000_000,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_CORE: 0,
}
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def _limit() -> None:
    for kind, most in _LIMITS.items():
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _leave_network() -> bool:
    """Move to a network of nobody else; before any library has started a thread."""
    libc = ctypes.CDLL(None)
    return any(libc.unshare(flags) == 0 for flags in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK))


def _extract(folder: Path) -> dict[str, Any]:
    import joblib  # noqa: PLC0415 - not before the network is gone
    import xgboost  # noqa: PLC0415

    found = joblib.load(folder / "given")  # noqa: TID251 - what this file is for
    missing = float(getattr(found, "missing", math.nan))
    if not isinstance(found, xgboost.Booster):
        if not isinstance(found, xgboost.XGBModel):
            kind = type(found)
            return {"problem": f"it holds a {kind.__module__}.{kind.__qualname__}, no booster"}
        found = found.get_booster()
    if not math.isnan(missing):
        return {"problem": f"it takes {missing:g} for missing, this engine NaN"}
    best = found.attr("best_iteration")
    if best is not None:  # what comes after the best round was never asked
        found = found[: int(best) + 1]
    found.set_param({"device": "cpu"})
    (folder / "booster.ubj").write_bytes(bytes(found.save_raw("ubj")))
    return {"features": found.feature_names}


def main() -> None:
    folder = Path(sys.argv[1])
    _limit()
    is_offline = _leave_network()
    said = {**_extract(folder), "is_offline": is_offline}
    (folder / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
