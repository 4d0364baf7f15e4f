#!/usr/bin/env -S python -ISE
"""Exit 0 when the service on this port of 127.0.0.1 is ready; else say why not and exit 1."""

import sys
from http.client import HTTPConnection, HTTPException


def main() -> int:
    connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        sys.stdout.write(answer.read().decode())
    except (OSError, HTTPException) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
