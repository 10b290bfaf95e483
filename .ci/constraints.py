"""Prints constraints.txt: the installed version of everything that the extras of this project need, transitively.

    make constraints

To be run in an environment in which all tests have passed. Libraries that are not installed there are left out.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def closure(requirements: list[Requirement]) -> dict[str, str]:
    """Canonical name → version of each installed distribution that the requirements lead to."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    while requirements:
        requirement = requirements.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        found[canonicalize_name(requirement.name)] = installed.version
        for extra in ("", *requirement.extras):
            needed = map(Requirement, installed.requires or [])
            requirements += [each for each in needed if not each.marker or each.marker.evaluate({"extra": extra})]
    return found


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    found = closure([Requirement(line) for line in lines])
    found.pop(canonicalize_name(project["name"]), None)
    print("# Versions with which all tests passed; written by `make constraints`.")
    print("\n".join(f"{name}=={version}" for name, version in sorted(found.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
