"""How a release was made: enough to make it again and to tell whether it is the same."""

from collections.abc import Mapping
from typing import TypeVar

from models.evaluation.markup import Html, definitions, means, section, table
from models.evaluation.sheet import Evaluation
from models.evaluation.wording import NOTHING, count, duration, figure, listed, moment, share
from models.manifest import LabelRule, Manifest, Window

_Name = TypeVar("_Name", bound=str)


def made_section(manifest: Manifest, evaluation: Evaluation) -> Html:
    windows = [(name, *_window(one)) for name, one in sorted(manifest.windows.items(), key=_start)]
    return section(
        "made",
        "How it was made",
        means(
            "With the same candles, settings, seed and library versions training gives the same "
            "model, byte for byte. The data fingerprint changes with any candle."
        ),
        definitions(*_facts(manifest, evaluation)),
        table("Windows", ("Window", "From", "Until", "Rows", "Effective"), windows),
        table("Settings of the trees", ("Setting", "Value"), _pairs(manifest.params)),
        table("Libraries", ("Library", "Version"), _pairs(manifest.versions)),
        table("Measured against", ("Instrument", "Reference"), _pairs(manifest.references)),
    )


def _facts(manifest: Manifest, evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    expires = moment(manifest.expires_at) if manifest.expires_at else "never"
    return (
        ("Release", manifest.release_id),
        ("Scope", f"{manifest.scope}, {evaluation.kind}"),
        ("Market", f"{manifest.venue}, {duration(manifest.interval_seconds)} candles"),
        ("Instruments", listed(manifest.symbols)),
        ("Made", moment(manifest.created_at)),
        ("Trained until", moment(manifest.trained_until)),
        ("Holdout looked at", moment(evaluation.holdout_at)),
        ("Expires", expires),
        ("Trade learned", _trade(manifest)),
        ("Costs per side", _costs(manifest.label)),
        ("Effective labels in training", count(evaluation.n_effective_train)),
        ("Trees", count(manifest.rounds)),
        ("Seed", str(manifest.seed)),
        ("Configurations tried", count(manifest.trials)),
        ("Device", f"{manifest.device} (asked for: {manifest.device_requested})"),
        ("Platform", manifest.platform),
        ("Data fingerprint", manifest.data_fingerprint),
        ("Feature schema", manifest.schema_hash),
        ("Parent", manifest.parent_id or NOTHING),
    )


def _trade(manifest: Manifest) -> str:
    rule = manifest.label
    longest = duration(rule.horizon * manifest.interval_seconds)
    return (
        f"{manifest.side}, target {figure(rule.k_target)} and stop {figure(rule.k_stop)} times the "
        f"movement expected, ended after {rule.horizon} candles ({longest}) at the latest"
    )


def _costs(rule: LabelRule) -> str:
    return f"{share(rule.fee_ratio)} fee, {share(rule.slippage_ratio)} slippage"


def _window(one: Window) -> tuple[str, ...]:
    return (moment(one.first_at), moment(one.last_at), count(one.rows), count(one.n_effective))


def _start(named: tuple[str, Window]) -> tuple[object, str]:
    return named[1].first_at, named[0]


def _pairs(values: Mapping[_Name, object]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in sorted(values.items())]
