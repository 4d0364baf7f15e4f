"""A process that damages a release in many ways and tries to load it: `TEMPLATE ROOT SEED CASES`.

Half of the damage is what a disk or a stranger does; the other half is sealed again, as a broken or
malicious trainer with a trusted key would do it. It prints what came of it; a crash ends it.
"""

import json
import shutil
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np

from models.refusals import ArtifactRefused
from models.scorer import load
from tests.unit.models.writing_process import SIGNER

ODD = (None, -1, 0, 1, 2, True, 1e-300, 1e308, -1e308, 10**30, "", "x", [], {}, [[]])


def damaged(content, draw):
    """Return other bytes than these."""
    changed = bytearray(content)
    kind = draw.integers(6)
    at = int(draw.integers(len(changed)))
    if kind == 0:
        changed = changed[:at]
    elif kind == 1:
        changed += draw.bytes(int(draw.integers(1, 20)))
    elif kind == 2:
        changed[at : at + int(draw.integers(1, 64))] = b""
    elif kind == 3:
        changed[at : at + 8] = draw.bytes(8)
    else:
        for spot in draw.integers(0, len(changed), int(draw.integers(1, 4))):
            changed[spot] ^= 1 << int(draw.integers(8))
    return bytes(changed) if bytes(changed) != content else content[:-1]


def retold(content, draw):
    """Return a JSON document in which one value is another."""
    document = json.loads(content)
    node = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[int(draw.integers(len(keys)))]
        if not isinstance(node[key], dict | list) or not node[key] or draw.random() < 0.1:
            break
        node = node[key]
    if draw.random() < 0.2:
        del node[key]
    else:
        node[key] = ODD[int(draw.integers(len(ODD)))]
    return json.dumps(document).encode()


def seal(path, name, content):
    """Put content in place with the hash and the signature that belong to it."""
    if name != "manifest.json":
        (path / name).write_bytes(content)
        manifest = json.loads((path / "manifest.json").read_bytes())
        manifest["files"][name] = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
        content = json.dumps(manifest).encode()
    (path / "manifest.json").write_bytes(content)
    (path / "manifest.sig").write_bytes(SIGNER.signature(content))


def tried(path, rows):
    """Return why it is refused, or "loaded" after asking it everything."""
    try:
        model = load(path, trust=SIGNER.trust)
    except ArtifactRefused as refusal:
        return refusal.reason
    for answer in model.predict(rows):
        assert 0 <= answer.probability <= 1
        assert np.isfinite([answer.margin, answer.neighbours]).all()
    for row in rows[:3]:
        assert np.isfinite([share for _, share in model.contributions(row)]).all()
        assert all(abs(points) <= 1 for _, _, points in model.points(row))
    return "loaded"


def main(template, root, seed, cases):
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(20, 86)) * 10.0 ** draw.integers(-3, 9, (20, 1))
    rows[draw.random(rows.shape) < 0.1] = np.nan
    path = root / template.name
    shutil.copytree(template, path)
    good = {entry.name: entry.read_bytes() for entry in sorted(path.iterdir())}
    names = list(good)
    came_of = Counter()
    for case in range(cases):
        is_sealed = case % 2 == 1
        name = names[int(draw.integers(len(names)))]
        if is_sealed and name != "manifest.sig":
            by_value = name.endswith(".json") and draw.random() < 0.7
            seal(path, name, (retold if by_value else damaged)(good[name], draw))
        else:
            (path / name).write_bytes(damaged(good[name], draw))
            is_sealed = False
        came_of["sealed " * is_sealed + tried(path, rows)] += 1
        for each in {name, "manifest.json", "manifest.sig"}:
            (path / each).write_bytes(good[each])
    assert tried(path, rows) == "loaded"
    sys.stdout.write(json.dumps(came_of))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
