"""Settings of the signal generator (SIGNAL_GENERATOR__..., or `signal_generator:` in the file)."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from models.signing import KEYS_FOLDER, PUBLIC_KEYS, Trust, trusted_keys
from shared.domain.errors import BadInput
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import PlatformSettings, SectionSettings, section
from signal_generator.core.scoring import ScoringPolicy


class SignalGeneratorSettings(SectionSettings):
    """Where the models are, and when one is believed enough to speak."""

    model_config = section("signal_generator")

    models_dir: Path | None = Field(
        None, description="folder of the models; unset means `models` in the state folder"
    )
    model_public_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="whose models are believed: Ed25519 public keys of 64 hexadecimal digits, "
        "separated by commas; unset means `keys/model_signing.pub` in the state folder",
    )
    refresh_seconds: float = Field(
        0.5, ge=0.1, le=3600, description="seconds between two looks for a new champion"
    )
    min_margin: float = Field(
        0.01, ge=0, le=0.5, description="probability above break-even that a buy needs"
    )
    exit_probability: float = Field(
        0.35, ge=0, le=1, description="probability at or below which the signal is to sell"
    )
    retrain_days: float = Field(
        7.0,
        gt=0,
        le=3650,
        description="age of a model, in days, from which confidence falls; 3650 on the synthetic "
        "market of `trading up`, `demo` and `backtest` unless it is set",
    )
    monitoring: bool = Field(
        default=True,
        description="follow every signal to the end of its trade, judge each model once a day, "
        "and scale or refuse what it says by that; a backtest never does",
    )
    max_unfamiliar_ratio: float = Field(
        0.10,
        ge=0,
        le=1,
        description="share of features outside the training range that refuses a signal",
    )
    stale_after_intervals: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="candles' time after its close until which a candle may still be acted on",
    )

    @field_validator("model_public_keys", mode="before")
    @classmethod
    def _public_keys(cls, value: Any) -> Any:
        texts = tuple(value.replace(",", " ").split()) if isinstance(value, str) else value
        try:
            trusted_keys(texts)
        except BadInput as error:
            raise ValueError(f"{error.problem}; {error.remedy}") from None
        return texts

    def trust(self, platform: PlatformSettings) -> Trust:
        """Return whose models are believed now: keys of the state folder may appear later.

        Raises:
            ConfigurationError: the file of the public keys cannot be used.
        """
        file = platform.state_dir / KEYS_FOLDER / PUBLIC_KEYS
        try:
            texts = self.model_public_keys or file.read_text().split()
            keys = trusted_keys(texts)
        except FileNotFoundError:
            keys = {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: cannot be read: {error}") from error
        except BadInput as error:
            raise ConfigurationError(f"{file}: {error.problem}; {error.remedy}") from error
        return Trust(keys=keys, tolerates_unsigned=platform.allow_unsigned_models)

    def policy(self, fee_ratio: float, slippage_ratio: float) -> ScoringPolicy:
        return ScoringPolicy(
            fee_ratio=fee_ratio,
            slippage_ratio=slippage_ratio,
            min_margin=self.min_margin,
            exit_probability=self.exit_probability,
            retrain_days=self.retrain_days,
            max_unfamiliar_ratio=self.max_unfamiliar_ratio,
            stale_after_intervals=self.stale_after_intervals,
        )
