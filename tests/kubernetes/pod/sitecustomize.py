"""The network of a pod, for a process of this machine: an address of its own, and names.

Python imports this before the service. What listens on every address listens on the pod's; a name of
the cluster leads to where that server is here. The service and its settings know nothing of it.
"""

import json
import os
import socket

_ADDRESS = os.environ.get("POD_ADDRESS", "")
_NAMES = json.loads(os.environ.get("POD_NAMES", "{}"))
_getaddrinfo, _bind = socket.getaddrinfo, socket.socket.bind


def _resolve(host, port, *rest, **more):
    if host in _NAMES:
        host, port = _NAMES[host][str(port)]
    return _getaddrinfo(host, port, *rest, **more)


def _bind_in_pod(self, address):
    if _ADDRESS and isinstance(address, tuple) and address[0] == "0.0.0.0":
        address = (_ADDRESS, *address[1:])
    _bind(self, address)


socket.getaddrinfo = _resolve
socket.socket.bind = _bind_in_pod
