"""Names of the installed packages, which differ from the folders' names; everything else stands in pyproject.toml.

Only names that begin with `safeclip` are installed, so that no project loses its own `demo` or `training`. Imports
inside these packages are relative and hold under either name.
"""

from setuptools import find_packages, setup

FOLDERS = {
    "safeclip": "safeclip",
    "safeclip_demo": "demo",
    "safeclip_index": "index_builder",
    "safeclip_train": "training",
    "safeclip_zoo": "zoo",  # data only
}

setup(
    package_dir=FOLDERS,
    packages=[
        package
        for name, folder in FOLDERS.items()
        for package in (name, *(f"{name}.{inner}" for inner in find_packages(folder)))
    ],
)
