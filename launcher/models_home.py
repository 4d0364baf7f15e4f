"""Where models lie: those of this state directory, and those that are asked."""

from pathlib import Path

from shared.runtime.settings import PlatformSettings, load
from signal_generator.settings import SignalGeneratorSettings


def models_folder(settings: PlatformSettings) -> Path:
    return settings.state_dir / "models"


def served_folder(settings: PlatformSettings) -> Path:
    """Return the folder that the signal generator serves from."""
    return load(SignalGeneratorSettings).models_dir or models_folder(settings)
