"""What a wheel of this checkout would hold, asked of setuptools without building one."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_LIST = """
import json, sys
import setuptools  # before distutils, which it brings
from distutils.core import run_setup

command = run_setup("setup.py", stop_after="config").get_command_obj("build_py")
command.ensure_finalized()
files = [(command.get_module_outfile("", package.split("."), name), file)
         for package, name, file in command.find_all_modules()]
files += [(f"{package.replace('.', '/')}/{name}", f"{folder}/{name}")
          for package, folder, _, names in command.data_files for name in names]
json.dump(files, sys.stderr)
"""


@dataclass(frozen=True)
class Installed:
    """A file of the wheel: its place below site-packages, and the file of the checkout that it is made from."""

    place: str
    source: Path


def installed_files() -> list[Installed]:
    """Every file that the wheel would hold, metadata apart."""
    done = subprocess.run([sys.executable, "-c", _LIST], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Installed(place, ROOT / file) for place, file in json.loads(done.stderr.splitlines()[-1])]


def source_files(*folders: str) -> list[Path]:
    """The files below folders of the checkout, in alphabetical order, without caches."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)
