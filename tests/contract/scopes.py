"""Writes docs/api-scopes.md: which key opens which route. Read the diff before you commit it."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

from tests.acceptance.all_services import all_services, guarded

PAGE = Path(__file__).parents[2] / "docs" / "api-scopes.md"
_HEAD = """\
<!-- written by `python -m tests.contract.scopes`, compared by tests/acceptance/test_route_keys.py -->
# Which key opens which route

A key opens what its scope and those before it open (`read`, `trade`, `admin`), at the services it is for. `/health`, `/health/live`,
`/health/ready` and `/metrics` ask for no key at any service; `/docs` and `/openapi.json` neither, and are not there in live.

| service | method | path | scope |
|---|---|---|---|
"""


def table(apis: Mapping[str, FastAPI]) -> str:
    rows = {
        f"| {service} | {method} | `{path}` | {scope} |\n"
        for service, api in apis.items()
        for method, path, scope in guarded(api)
    }
    return _HEAD + "".join(sorted(rows))


def main() -> None:
    with TemporaryDirectory() as folder, all_services(Path(folder)) as (_, apis):
        PAGE.write_text(table(apis))


if __name__ == "__main__":
    main()
