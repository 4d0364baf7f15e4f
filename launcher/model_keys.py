"""Which key signs what is trained here, and whose models are believed."""

from pathlib import Path

from models.disk import replace_durably
from models.signing import (
    KEYS_FOLDER,
    PRIVATE_KEY,
    PUBLIC_KEYS,
    Signer,
    Trust,
    load_signer,
    new_key,
    trusted_keys,
)
from shared.domain.errors import BadInput
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import PlatformSettings, load
from signal_generator.settings import SignalGeneratorSettings


def signer_of(settings: PlatformSettings) -> Signer:
    """Return the key of TRADING_MODEL_SIGNING_KEY_FILE, else that of the state folder.

    The latter is made on first use. Either way its public half joins those that the services of
    this state folder believe where SIGNAL_GENERATOR__MODEL_PUBLIC_KEYS names none.

    Raises:
        ConfigurationError: the key cannot be used.
    """
    folder = settings.state_dir / KEYS_FOLDER
    given = settings.trading_model_signing_key_file
    try:
        signer = new_key(folder / PRIVATE_KEY) if given is None else load_signer(given)
        _announce(folder / PUBLIC_KEYS, signer)
    except BadInput as error:
        place = folder if given is None else f"TRADING_MODEL_SIGNING_KEY_FILE={given}"
        raise ConfigurationError(f"{place}: {error.problem}; {error.remedy}") from error
    return signer


def trust_of(settings: PlatformSettings) -> Trust:
    """Return whose models the signal generator of this configuration believes."""
    return load(SignalGeneratorSettings).trust(settings)


def _announce(file: Path, signer: Signer) -> None:
    """Add the public key to the file, one per line, unless it is there."""
    texts = file.read_text().split() if file.exists() else []
    if signer.key_id not in trusted_keys(texts):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_durably(file, "".join(f"{one}\n" for one in (*texts, signer.public_text)).encode())
