"""Dependencies: ranges in pyproject.toml, tested versions in constraints.txt, those of a Space in requirements.txt."""

import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from safeclip.commands import BASE, EXTRA_OF
from tests.package.distribution import ROOT, source_files
from tests.package.test_contents import imports_of

TORCH = {"torch", "torchvision"}  # ZeroGPU brings its own
OWN = {"safeclip", "demo", "index_builder", "training"}
# Used where they are installed: quantised models, Milvus in a folder, ZeroGPU, a log of runs, another index builder.
OPTIONAL = {"bitsandbytes", "milvus_lite", "spaces", "wandb", "all_clip", "clip_retrieval"}
ON_DEMAND = ("scale", "judges")  # extras whose libraries are imported when somebody asks for what needs them


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(*extras: str) -> dict[str, Requirement]:
    """Canonical name → requirement of the library, and of its extras, that holds on this platform."""
    lines = [
        *project()["dependencies"],
        *(line for extra in extras for line in project()["optional-dependencies"][extra]),
    ]
    return by_name(lines)


def by_name(lines: list[str]) -> dict[str, Requirement]:
    read = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(each.name): each for each in read if not each.marker or each.marker.evaluate()}


def lines_of(file: str) -> dict[str, Requirement]:
    return by_name((ROOT / file).read_text(encoding="utf-8").splitlines())


def pins(file: str) -> dict[str, str]:
    """Canonical name → version of the lines of a requirements file that name exactly one."""
    exact = {name: next(iter(each.specifier)) for name, each in lines_of(file).items() if len(each.specifier) == 1}
    return {name: each.version for name, each in exact.items() if each.operator == "=="}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(("safeclip", "index_builder"), ()), (("demo",), ("demo",)), (("training",), ("train",))],
    ids=["library", "demo", "train"],
)
def test_whatever_a_package_imports_is_required_by_it(folders, extras):
    distributions = packages_distributions()
    known = set(requirements(*extras, *ON_DEMAND))
    for path in source_files(*folders):
        if path.suffix != ".py":
            continue
        for module in {name.partition(".")[0] for name in imports_of(path)}:
            if module in OWN | OPTIONAL or module in sys.stdlib_module_names or module == "_typeshed":
                continue
            providers = {canonicalize_name(name) for name in distributions.get(module, [module])}
            assert providers & known, f"{path} imports {module}, which only {providers} brings"


@pytest.mark.parametrize(
    ("extra", "folder"), [("", "safeclip"), ("", "index_builder"), ("demo", "demo"), ("train", "training")]
)
def test_a_missing_library_can_be_named_with_what_installs_it(extra, folder):
    distributions = packages_distributions()
    own = requirements(extra) if extra else requirements()
    files = [path for path in source_files(folder) if path.suffix == ".py"]
    for module in {name.partition(".")[0] for path in files for name in imports_of(path)}:
        if own.keys() & map(canonicalize_name, distributions.get(module, [])):
            assert module in BASE or EXTRA_OF[module] == extra, module


def test_the_constraints_are_the_installed_versions_and_fit_the_ranges():
    constraints = pins("constraints.txt")
    for name, requirement in requirements(*project()["optional-dependencies"]).items():
        if name == canonicalize_name(project()["name"]):
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed here has not been tested, and is not constrained
        assert constraints.get(name) == installed, f"{name}: run `make constraints`"
        assert requirement.specifier.contains(installed), name


def test_a_space_installs_the_page_with_the_tested_versions():
    wanted, space = requirements("demo"), lines_of("requirements.txt")
    assert set(space) == set(wanted)
    constraints, pinned = pins("constraints.txt"), pins("requirements.txt")
    assert pinned == {name: constraints[name] for name in wanted if name not in TORCH}
    assert all(str(space[name].specifier) == str(wanted[name].specifier) for name in TORCH)


def test_the_citation_and_the_package_agree_about_the_version():
    import safeclip

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {safeclip.__version__}\n" in citation
    assert f"## {safeclip.__version__} " in Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
