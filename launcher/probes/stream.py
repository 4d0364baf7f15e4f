"""One question over a WebSocket, and what came back."""

import json
from collections.abc import Mapping
from typing import Any

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from launcher.probes.notebook import Notebook

_SECONDS = 5.0


def asked_once(url: str, request: Mapping[str, Any], notebook: Notebook) -> str:
    """Return the first answer, or why there is none; either is in the notebook."""
    text = json.dumps(request)
    try:
        with connect(url, open_timeout=_SECONDS, close_timeout=1) as socket:
            socket.send(text)
            answer = str(socket.recv(timeout=_SECONDS))
    except InvalidStatus as error:
        answer = f"not served: HTTP {error.response.status_code}"
    except (WebSocketException, OSError, TimeoutError) as error:
        answer = f"not served: {type(error).__name__}"
    notebook.note(f"{url} {text}", answer)
    return answer
