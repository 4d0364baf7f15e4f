"""Releases that spoke once: they are immutable, so what they said can still be explained."""

from collections import OrderedDict
from threading import Lock

from models.refusals import ArtifactRefused
from models.registry import Registry
from models.scorer import ServingModel
from shared.domain.errors import NotFound

_KEPT = 4


class Releases:
    """Those in service, and the last few others that somebody asked for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._loaded: OrderedDict[str, ServingModel] = OrderedDict()
        self._turn = Lock()

    def find(self, release_id: str) -> ServingModel | None:
        """Return a release, None where it is gone or cannot be proven."""
        serving = self._registry.current().serving(release_id)
        if serving is not None:
            return serving
        with self._turn:
            model = self._loaded.pop(release_id, None) or self._read(release_id)
            if model is not None:
                self._loaded[release_id] = model
                while len(self._loaded) > _KEPT:
                    self._loaded.popitem(last=False)
            return model

    def _read(self, release_id: str) -> ServingModel | None:
        try:
            return self._registry.load(release_id)
        except (ArtifactRefused, NotFound, OSError):
            return None
