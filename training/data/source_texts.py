"""Text of code and tables, for the keys of caches: what was drawn or worded by other code is made anew."""

from pathlib import Path

_KINDS = (".py", ".toml")


def source_texts(*paths: Path) -> str:
    """All Python and TOML text of these files and, in the order of their names, of these folders."""
    folders = [path for path in paths if path.is_dir()]
    found = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in _KINDS)
    files = [path for path in paths if path not in folders]
    return "".join(path.read_text(encoding="utf-8") for path in (*files, *found))
