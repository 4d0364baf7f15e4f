"""A process that writes into a registry beside others: `JOB ROOT TEMPLATE NUMBER`.

TEMPLATE is a release to copy. XGBoost is not loaded here, so that it starts at once.
"""

import resource
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.aliases import Role
from models.artifact import verify, write_release
from models.manifest import release_id
from models.registry import Registry
from models.signing import ANY_UNSIGNED, Signer
from shared.domain.errors import Conflict

SIGNER = Signer(private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TURNS = 12
LIMITS = (0, 60, 3000)


def copy_of(template, root, scope, later):
    contents = verify(template, trust=SIGNER.trust)
    at = contents.manifest.created_at + later
    manifest = replace(
        contents.manifest,
        scope=scope,
        created_at=at,
        release_id=release_id(scope, "full_dataset", "cpu", at),
    )
    return write_release(root, manifest, contents.files, SIGNER).name


def publish_many(root, template, number):
    registry = Registry(root, trust=SIGNER.trust)
    role = (Role.CHALLENGER, Role.SHADOW)[number]
    own = ("BTCUSDT", "ETHUSDT")[number]
    for turn in range(TURNS):
        mine = copy_of(template, root, "GLOBAL", timedelta(seconds=2 * turn + number))
        registry.point("GLOBAL", {role: mine})
        if registry.aliases("GLOBAL")[role] != mine:
            return "the other process undid it"
        registry.promote(own, copy_of(template, root, own, timedelta(seconds=turn)))
    return mine


def write_the_same(root, template, number):
    try:
        return copy_of(template, root, "GLOBAL", timedelta(0))
    except Conflict:
        return "conflict"


def fill_the_disk(root, template, number):
    """Try to write and to promote in `root/<limit>`, no file being longer than the limit."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    said = []
    for limit in LIMITS:
        home = root / str(limit)
        newest = Registry(home, trust=ANY_UNSIGNED).releases()[0].path.name
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        said.append(_tried(copy_of, template, home, "GLOBAL", timedelta(days=2)))
        said.append(_tried(Registry(home, trust=SIGNER.trust).promote, "GLOBAL", newest))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    return ", ".join(said)


def _tried(write, *args):
    try:
        write(*args)
    except OSError as error:
        return error.strerror
    return "written"


if __name__ == "__main__":
    job, root, template, number = sys.argv[1:]
    jobs = {job.__name__: job for job in (publish_many, write_the_same, fill_the_disk)}
    sys.stdout.write(jobs[job](Path(root), Path(template), int(number)))
