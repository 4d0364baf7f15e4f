"""What counts as another try, and that no try is ever lost sight of."""

import json
from dataclasses import replace

import pytest

from models.manifest import LabelRule
from models.training.trials import FOLDER, Trial, TrialLog
from shared.domain.errors import BadInput
from tests.swiftly import WALK
from tests.unit.models.trained_models import MARKET

TRIAL = Trial(
    scope="GLOBAL", kind="global", venue="made", interval_seconds=3600,
    symbols=("BTC-USDT", "ETH-USDT"), label=LabelRule(), params={"max_depth": 4},
    data_fingerprint="aa", log_loss=0.69, auc=0.51, sharpe=0.02, days=180,
    schema_hash="ff", walk=WALK,
)  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_hash": "ee"},
        {"walk": replace(WALK, test_days=20)},
        {"label": LabelRule(horizon=48)},
        {"params": {"max_depth": 5}},
        {"interval_seconds": 86_400},
        {"symbols": ("BTC-USDT",)},
    ],
)
def test_whatever_was_chosen_otherwise_is_another_try(tmp_path, changes):
    log = TrialLog(tmp_path)
    log.record([TRIAL, replace(TRIAL, **changes)])
    assert len(log.earlier(MARKET, ("GLOBAL",))) == 2


def test_newer_candles_make_it_no_other_try(tmp_path):
    log, newer = TrialLog(tmp_path), replace(TRIAL, data_fingerprint="bb", sharpe=0.05, days=187)
    log.record([TRIAL])
    log.record([newer])
    assert list(log.earlier(MARKET, ("GLOBAL",)).values()) == [newer]


def test_a_record_of_an_earlier_release_still_counts(tmp_path):
    log = TrialLog(tmp_path)
    log.record([TRIAL])
    path = next((tmp_path / FOLDER).glob("*.json"))
    record = json.loads(path.read_text())
    del record["schema_hash"], record["walk"]
    path.write_text(json.dumps(record))
    assert list(log.earlier(MARKET, ("GLOBAL",)).values()) == [
        replace(TRIAL, schema_hash="", walk=None)
    ]


@pytest.mark.parametrize("content", [b"", b'{"scope": "GLOBAL"}', b"\xff\xfe"])
def test_a_record_that_cannot_be_read_is_named_and_not_forgotten(tmp_path, content):
    log = TrialLog(tmp_path)
    log.record([TRIAL])
    path = next((tmp_path / FOLDER).glob("*.json"))
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"{path.name} cannot be read.*every try counts"):
        log.earlier(MARKET, ("GLOBAL",))
