"""Everything ever tried, on disk: the number of tries is what a good result must be measured by."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from models.artifact import as_json
from models.disk import write_whole
from models.manifest import LabelRule, TradedMarket
from models.training.workbench import digest_of
from models.validation import WalkForwardRule
from shared.domain.errors import BadInput

FOLDER = "trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration of one scope, as far as walk-forward tells; `sharpe` is per day.

    The same configuration on newer candles is the same try: its record is replaced. With other
    features (`schema_hash`) or other test blocks (`walk`) it is another.
    """

    scope: str
    kind: str
    venue: str
    interval_seconds: int
    symbols: tuple[str, ...]
    label: LabelRule
    params: dict[str, str | int | float]
    data_fingerprint: str
    log_loss: float
    auc: float
    sharpe: float
    days: int
    schema_hash: str = ""
    walk: WalkForwardRule | None = None

    @property
    def name(self) -> str:
        what = (self.scope, self.kind, self.venue, self.interval_seconds, self.symbols)
        walk = None if self.walk is None else asdict(self.walk)
        return digest_of(*what, asdict(self.label), self.params, self.schema_hash, walk)


class TrialLog:
    """One file per try, so that any number of processes may write at once."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def record(self, trials: Sequence[Trial]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for trial in trials:
            write_whole(self._folder / f"{trial.name}.json", as_json(trial))

    def earlier(self, market: TradedMarket, scopes: Sequence[str]) -> dict[str, Trial]:
        """Return the tries of these scopes at the market's venue, whatever interval and label.

        Raises:
            BadInput: a record cannot be read; without it too few tries would be counted.
        """
        found: dict[str, Trial] = {}
        for path in sorted(self._folder.glob("*.json")):
            trial = _read(path)
            if trial.venue == market.venue and trial.scope in scopes:
                found[path.stem] = trial
        return found


def _read(path: Path) -> Trial:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trial)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = f"{path} cannot be read: {error}"
        raise BadInput("trials", problem, "restore the file: every try counts") from error
