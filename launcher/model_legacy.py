"""The command `models import-legacy`: a pickled model of before becomes a release that waits."""

from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Annotated

import typer

from launcher.candles import as_arrays, chosen, stored, traded_market
from launcher.console import out
from launcher.model_adopted import files_of, manifest_of
from launcher.model_adoption import adopt
from launcher.model_extraction import LegacyRefused, extract, read_pickle
from launcher.model_keys import signer_of, trust_of
from launcher.models_home import served_folder
from launcher.options import listed
from models.aliases import Role
from models.artifact import write_release
from models.manifest import LabelRule
from models.registry import Registry
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput, NotFound
from shared.runtime.settings import Mode, PlatformSettings, load


def import_legacy(
    file: Annotated[Path, typer.Argument(help="A .joblib or .pkl file with an XGBoost model.")],
    digest: Annotated[
        str, typer.Option("--sha256", help="What you know its sha256 to be, as hexadecimal.")
    ],
    is_trusted: Annotated[
        bool,
        typer.Option("--i-trust-this", help="Opening it runs whatever code is in it, as you."),
    ] = False,
    symbol: Annotated[
        str, typer.Option("--symbol", help="The instrument it knows; all when left out.")
    ] = "",
) -> None:
    """Make a release of a pickled XGBoost model; it waits in shadow, behind a shut gate."""
    settings = load(PlatformSettings)
    if settings.mode is Mode.LIVE:
        raise LegacyRefused("pickle", "no pickle is opened in live mode")
    content = _checked(file, digest)
    if not is_trusted:
        raise LegacyRefused(
            "pickle",
            f"opening {file.name} runs whatever code is in it; it is the file you meant, now say "
            "--i-trust-this if you know who made it",
        )
    market = settings.market
    traded = traded_market(settings).only(chosen(settings, listed(symbol)))
    data = as_arrays(stored(settings, traded.needed))
    label = LabelRule(fee_ratio=market.fee_ratio, slippage_ratio=market.slippage_ratio)
    extracted = extract(content)
    found = adopt(extracted, data, traded, label)
    root = served_folder(settings)
    signer = signer_of(settings)
    registry = Registry(root, traded, trust=trust_of(settings))
    manifest = manifest_of(found, extracted, SystemClock().now(), sha256(content).hexdigest())
    champion = registry.aliases(found.scope).get(Role.CHAMPION)
    files = files_of(found, extracted, manifest, champion)
    path = write_release(root, manifest, files, signer)
    registry.load(manifest.release_id)  # it answers as it promised, or nobody points to it
    roles = {Role.CHALLENGER: manifest.release_id, Role.SHADOW: manifest.release_id}
    registry.point(found.scope, roles)
    _say(path, is_offline=extracted.is_offline)


def _checked(file: Path, digest: str) -> bytes:
    """Return the content of the file that was meant.

    Raises:
        NotFound: there is none.
        LegacyRefused: it is another file.
    """
    if not file.is_file():
        raise NotFound(f"{file} does not exist")
    asked = digest.strip().lower()
    if len(asked) != 64 or not set(asked) <= set("0123456789abcdef"):
        raise BadInput("--sha256", f"'{digest[:80]}' is none", "give the 64 digits of sha256sum")
    content = read_pickle(file)
    if not compare_digest(sha256(content).hexdigest(), asked):
        raise LegacyRefused("hash_mismatch", f"{file.name} is not the file with this sha256")
    return content


def _say(path: Path, *, is_offline: bool) -> None:
    out.print(f"Imported as {path.name}; it waits in shadow.", markup=False, soft_wrap=True)
    out.print("It was made elsewhere and has no walk-forward record: the gate stays shut for it.")
    if not is_offline:
        out.print("[yellow]The network could not be taken from the process that opened it.[/]")
