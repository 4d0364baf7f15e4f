"""What a release says about its training is believed only where it makes sense."""

import json

import numpy as np
import pytest

from models.artifact import Contents, as_json
from models.features import FEATURE_NAMES
from models.proof import drift_of
from models.refusals import ArtifactRefused
from models.statistics.drift import drift_reference


def contents(sheet):
    files = {} if sheet is None else {"drift.json": json.dumps(sheet).encode()}
    return Contents(manifest=None, files=files)


@pytest.fixture(scope="module")
def sheet():
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(600, len(FEATURE_NAMES)))
    reference = drift_reference(
        vectors, draw.random(600), np.arange(600), np.zeros(600, dtype=int), 100, FEATURE_NAMES[:10]
    )
    return json.loads(as_json(reference))


def test_a_reference_is_read_as_it_was_written(sheet):
    assert json.loads(as_json(drift_of(contents(sheet)))) == sheet


def test_a_release_without_one_says_nothing():
    assert drift_of(contents(None)) is None


def spoiled(sheet, column, **changes):
    features = [dict(bins) for bins in sheet["features"]]
    features[column] |= changes
    return {**sheet, "features": features}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda one: {**one, "features": one["features"][:-1]}, "schema_mismatch"),
        (lambda one: {**one, "features": one["features"][::-1]}, "reordered"),
        (lambda one: spoiled(one, 3, edges=[1.0, 1.0], shares=[0.5, 0.5, 0.0, 0.0]), "unread"),
        (lambda one: spoiled(one, 3, edges=[2.0, 1.0], shares=[0.5, 0.5, 0.0, 0.0]), "unread"),
        (lambda one: spoiled(one, 3, shares=[1.0]), "unread"),
        (lambda one: spoiled(one, 3, shares=[-1.0] * 11), "unread"),
        (lambda one: spoiled(one, 3, threshold=0.0), "unread"),
        (lambda one: spoiled(one, 3, edges="many"), "unread"),
        (lambda one: {**one, "window": 0}, "unread"),
        (lambda one: {**one, "top": ["no_such"]}, "unread"),
        (lambda one: {"window": one["window"]}, "unread"),
    ],
)
def test_a_reference_that_makes_no_sense_is_refused(sheet, spoil, reason):
    with pytest.raises(ArtifactRefused) as caught:
        drift_of(contents(spoil(sheet)))
    assert caught.value.reason.startswith(reason)
