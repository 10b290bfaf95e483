"""The commands by name. A command is a module with `SUMMARY`, `EXAMPLES`, `Options` and `run(options) -> int`.

`run` imports torch and FAISS itself, so that `--help` and a wrong flag need not wait for them.
"""

from types import ModuleType

from . import add, bench, build, compact, duplicates, import_images, info, push, remove, verify

COMMANDS: dict[str, ModuleType] = {
    "import": import_images,
    "build": build,
    "add": add,
    "remove": remove,
    "compact": compact,
    "verify": verify,
    "info": info,
    "duplicates": duplicates,
    "push": push,
    "bench": bench,
}
