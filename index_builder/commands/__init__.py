"""The commands by name. A command is a module with `SUMMARY`, `EXAMPLES`, `Options` and `run(options) -> int`.

`run` imports torch and FAISS itself, so that `--help` and a wrong flag need not wait for them.
"""

from types import ModuleType

from . import build, import_images, verify

COMMANDS: dict[str, ModuleType] = {"build": build, "import": import_images, "verify": verify}
