"""The champion, asked about rows that are too few to compare losses on."""

from dataclasses import replace
from datetime import timedelta

from models.manifest import LabelRule
from models.train import train_models
from tests.unit.models.trained_models import BTC, ETH, NOW, quick, weak_market


def silent(_text, _share):
    pass


def test_where_nothing_can_be_compared_the_champions_fall_is_still_measured(tmp_path):
    leaning = {BTC: weak_market(BTC, 1, strength=0.7), ETH: weak_market(ETH, 2, strength=0.7)}
    patient = LabelRule(horizon=40, fee_ratio=0.0002, slippage_ratio=0.0001)
    config = quick(label=patient, min_effective_labels=1e9)
    train_models(leaning, config, tmp_path, NOW, silent)
    shallow = replace(config, role=None, booster=replace(config.booster, max_depth=1))
    pooled = train_models(leaning, shallow, tmp_path, NOW + timedelta(days=1), silent)[0]
    rival = pooled.evaluation.champion
    assert pooled.evaluation.holdout_skill is None
    assert (rival.gain.value, rival.p_value) == (0.0, 1.0)
    assert rival.max_drawdown > 0
