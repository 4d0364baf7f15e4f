"""What a run on the synthetic market is told beside its configuration."""

from typing import Any

from launcher.candles import is_synthetic
from shared.runtime.settings import PlatformSettings, load
from signal_generator.settings import SignalGeneratorSettings

RETRAIN_DAYS = 3650.0
"""The candles of ten years: nobody retrains a demonstration, and the invented market stays as it
was learned, so its model must not expire while somebody watches."""


def demonstration(settings: PlatformSettings) -> dict[str, dict[str, Any]]:
    """Return the settings by service that a synthetic run gets where nobody has set them."""
    is_set = "retrain_days" in load(SignalGeneratorSettings).model_fields_set
    if is_set or not is_synthetic(settings):
        return {}
    return {"signal_generator": {"retrain_days": RETRAIN_DAYS}}
