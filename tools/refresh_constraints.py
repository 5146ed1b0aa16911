"""Write constraints.txt: the version, in this environment, of everything minidiff needs.

Run `make constraints` after changing the dependencies in pyproject.toml or upgrading some of them
in `.venv`, then `make test`, and commit the file together with what needed it.
"""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).resolve().parents[1] / "constraints.txt"
HEAD = "# The full tested set. Written by `make constraints`.\n"
EXTRAS = ("notebooks", "book", "test", "grading", "distributed", "flow")
BUILD = ("hatchling", "editables")  # build an installation of minidiff without fetching anything


def needed(names: list[str]) -> dict[str, str]:
    """Name and version of each installed package that the requirements need, themselves too."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(name) for name in names]
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found = distribution(name)
        # A build of this machine's, such as 2.13.0+cpu, pins 2.13.0 on the others.
        versions[name] = re.sub(r"\+.*", "", found.version)
        for line in found.requires or []:
            child = Requirement(line)
            if any(applies(child, extra) for extra in extras or {""}):
                todo.append(child)
    return versions


def applies(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement counts on this machine with that extra asked for ("" for none)."""
    marker = requirement.marker
    return marker is None or marker.evaluate({**default_environment(), "extra": extra})


def main() -> None:
    """Write the file."""
    try:
        pins = needed([f"minidiff[{','.join(EXTRAS)}]", *BUILD])
    except PackageNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed here: run `make setup` first.") from None
    del pins["minidiff"]
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    FILE.write_text(HEAD + "".join(lines), encoding="utf-8")
    print(f"{FILE.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
