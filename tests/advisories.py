"""Asks whether an advisory speaks against what is locked: `python -m tests.advisories`.

Three answers, not two: nothing speaks against it (0), something does (1), and nobody could be
asked. The last is said loudly and is no failure of the code; with `--strict` (as `make audit` runs
it) it is a failure too, for a release must not go out unasked.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

LOCK = Path(__file__).parent.parent / "requirements.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """`unasked`: the packages of which the advisory service said nothing at all."""

    advisories: tuple[str, ...]
    asked: int
    unasked: tuple[str, ...]
    problem: str = ""


def ask(lock: Path, options: Sequence[str] = ()) -> Findings:
    """Return what pip-audit says about a lock; it is not installed again, only read."""
    command = [
        str(Path(sys.executable).parent / "pip-audit"),
        *("--requirement", str(lock), "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", "5"),
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    try:
        dependencies = msgspec.json.decode(done.stdout)["dependencies"]
    except (msgspec.MsgspecError, KeyError, TypeError):
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        return Findings(advisories=(), asked=0, unasked=("all",), problem=said[-1][:300])
    return read(dependencies)


def read(dependencies: Sequence[dict]) -> Findings:
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, fixed in {flaw['fix_versions'] or 'nothing'}"
        for one in dependencies
        for flaw in one.get("vulns", ())
    ]
    unasked = tuple(one["name"] for one in dependencies if "skip_reason" in one)
    return Findings(
        advisories=tuple(found), asked=len(dependencies) - len(unasked), unasked=unasked
    )


def report(findings: Findings, *, strict: bool) -> tuple[int, str]:
    """Return the exit code and what to say."""
    if findings.advisories:
        return 1, "ADVISORIES against what is locked:\n  " + "\n  ".join(findings.advisories)
    if not findings.asked:
        why = findings.problem or "the advisory service knows none of the packages"
        said = f"NOTHING WAS CHECKED for advisories: {why}. Run 'make audit' where it can be asked."
        return int(strict), said
    if findings.unasked:
        said = f"NOT CHECKED for advisories: {', '.join(findings.unasked)}; "
        return int(strict), said + f"{findings.asked} packages have none"
    return 0, f"No advisory speaks against the {findings.asked} packages locked."


def main() -> None:
    arguments = sys.argv[1:]
    strict = "--strict" in arguments
    options = [one for one in arguments if one != "--strict"]
    code, said = report(ask(LOCK, options), strict=strict)
    rule = "=" * 88
    sys.stderr.write(f"{rule}\n{said}\n{rule}\n" if "CHECKED" in said or code else f"{said}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
