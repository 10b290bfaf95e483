"""Resolves an open_clip name: its architecture, its file of weights, its preprocessing."""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import open_clip
from open_clip.transform import PreprocessCfg

from ...errors import CheckpointError
from ...paths import resolve
from ...runtime import hub
from ...runtime.checkpoint_files import read_config
from ...runtime.checkpoint_names import is_repository
from ..processors import has_processors
from ..quick_gelu import from_openai
from .layouts import OPEN_CLIP, OPEN_CLIP_CONFIG, OPEN_CLIP_WEIGHTS, one_file

_QUICK = "-quickgelu"
_EPSILON = 1e-5  # of torch's LayerNorm


@dataclass(frozen=True)
class ResolvedName:
    """One open_clip checkpoint: `config` is its `model_cfg`, `preprocess` its `preprocess_cfg`.

    `warnings` are sentences on what was corrected or cannot be trusted.
    """

    name: str
    config: dict[str, Any]
    weights: Path
    preprocess: dict[str, Any]
    warnings: tuple[str, ...] = field(default=())


def find(name: str | Path, revision: str | None = None) -> ResolvedName:
    """Finds a checkpoint by an open_clip name or in a directory, and downloads it where it is not there yet.

    "hf-hub:owner/name" and a directory say their architecture themselves; in "architecture:weights" the weights are
    one of open_clip's tags, a repository, a directory or a file. Raises CheckpointError or HubError.
    """
    if isinstance(name, Path):
        return in_directory(name)
    scheme, _, rest = name.partition(":")
    if scheme == "local-dir":
        return in_directory(resolve(rest))
    if scheme == "hf-hub":
        return in_directory(hub.fetch(rest, OPEN_CLIP, revision), name)
    if rest.startswith("//"):
        raise CheckpointError(f"{name}: an address is no name of a checkpoint. Write a repository as owner/name.")
    return _by_architecture(scheme, rest, revision)


def in_directory(directory: Path, name: str = "") -> ResolvedName:
    """Finds the checkpoint of a directory whose open_clip_config.json or config.json gives the architecture.

    Raises CheckpointError.
    """
    name = name or str(directory)
    weights = _weights_in(directory)
    if (directory / OPEN_CLIP_CONFIG).is_file():
        content = read_config(directory / OPEN_CLIP_CONFIG)
        if "model_cfg" not in content:
            raise CheckpointError(f"{directory / OPEN_CLIP_CONFIG}: model_cfg is missing; it names the architecture.")
        config, preprocess = _with_own_tokenizer(content["model_cfg"], directory), content.get("preprocess_cfg") or {}
    elif (directory / "config.json").is_file():
        config, preprocess = translated_config(read_config(directory / "config.json"), name), {}
    else:
        raise CheckpointError(
            f"{name}: {OPEN_CLIP_CONFIG} is missing, so nothing says which architecture the weights are of. "
            f"Name it, as in ViT-L-14-quickgelu:{name}"
        )
    return _found(name, config, weights, preprocess, needs_quick_gelu=from_openai(name, directory))


def _with_own_tokenizer(config: dict[str, Any], directory: Path) -> dict[str, Any]:
    """The `model_cfg`, without the name of a tokenizer where the directory has that, and it is CLIP's."""
    settings = directory / "tokenizer_config.json"
    kind = read_config(settings).get("tokenizer_class") if settings.is_file() else None
    if not has_processors(directory) or not str(kind).startswith("CLIPTokenizer"):
        return config
    text = {key: value for key, value in config.get("text_cfg", {}).items() if key != "hf_tokenizer_name"}
    return {**config, "text_cfg": text}


def _by_architecture(architecture: str, source: str, revision: str | None) -> ResolvedName:
    name = f"{architecture}:{source}"
    architecture = architecture.replace("/", "-")  # OpenAI writes ViT-L/14
    config = open_clip.get_model_config(architecture)
    if config is None:
        raise CheckpointError(
            f"{name}: open_clip knows no architecture “{architecture}”. "
            'python -c "import open_clip; print(open_clip.list_models())" lists those it knows.'
        )
    tag = open_clip.get_pretrained_cfg(architecture, source)
    if tag:
        repository, file = tag["hf_hub"].rsplit("/", 1)
        directory = hub.fetch(repository, one_file(file) if file else OPEN_CLIP_WEIGHTS, revision)
        weights = directory / file if file else _weights_in(directory)
        return _found(name, config, weights, tag, needs_quick_gelu=bool(tag.get("quick_gelu")))
    path = resolve(source)
    if path.is_file():
        weights = path
    elif path.is_dir() or is_repository(source):
        directory = path if path.is_dir() else hub.fetch(source, OPEN_CLIP_WEIGHTS, revision)
        weights = _weights_in(directory)
    else:
        raise CheckpointError(
            f"{name}: “{source}” is neither a tag of open_clip's for {architecture} "
            f"({', '.join(open_clip.list_pretrained_tags_by_model(architecture)) or 'it has none'}) nor a file, "
            "a directory or a repository."
        )
    return _found(name, config, weights, {}, needs_quick_gelu=from_openai(source))


def _found(
    name: str, config: dict[str, Any], weights: Path, preprocess: dict[str, Any], *, needs_quick_gelu: bool
) -> ResolvedName:
    """Gives OpenAI's weights the activation that they were trained with, whatever the name says, and warns of that."""
    config = deepcopy(config)
    warnings: tuple[str, ...] = ()
    if needs_quick_gelu and not config.get("quick_gelu"):
        config["quick_gelu"] = True
        warnings = (
            f"{name} comes from OpenAI's weights, which need QuickGELU, but its architecture says GELU: "
            f"QuickGELU is used. Write {name.split(':')[0] + _QUICK if ':' in name else 'quick_gelu: true'} to agree.",
        )
    return ResolvedName(name, config, weights, _preprocess(preprocess), warnings)


def _preprocess(given: dict[str, Any]) -> dict[str, Any]:
    defaults = PreprocessCfg()
    known = ("mean", "std", "interpolation", "resize_mode")
    return {key: given[key] if given.get(key) is not None else getattr(defaults, key) for key in known}


def _weights_in(directory: Path) -> Path:
    if not directory.is_dir():
        raise CheckpointError(f"{directory}: there is no such checkpoint. Correct its path in the profile.")
    files = OPEN_CLIP_WEIGHTS.weight_files(directory)
    if not files:
        raise CheckpointError(f"{directory}: open_clip_model.safetensors is missing; an open_clip checkpoint needs it.")
    return files[0]


def translated_config(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Translates a CLIP configuration of transformers into open_clip's `model_cfg`.

    Raises CheckpointError for one that is no CLIP's, and for an activation or a norm that open_clip's CLIP lacks.
    """
    from transformers import CLIPConfig

    if config.get("model_type") != "clip":
        raise CheckpointError(f"{name}: its config.json is not of a CLIP, and {OPEN_CLIP_CONFIG} is missing.")
    whole = CLIPConfig.from_dict(config)
    text, vision = whole.text_config, whole.vision_config
    _require_open_clip_layers(name, text, vision)
    return {
        "embed_dim": whole.projection_dim,
        "quick_gelu": text.hidden_act == "quick_gelu",
        "vision_cfg": {
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "layers": vision.num_hidden_layers,
            "width": vision.hidden_size,
            "head_width": vision.hidden_size // vision.num_attention_heads,
            "mlp_ratio": vision.intermediate_size / vision.hidden_size,
        },
        "text_cfg": {
            "context_length": text.max_position_embeddings,
            "vocab_size": text.vocab_size,
            "layers": text.num_hidden_layers,
            "width": text.hidden_size,
            "heads": text.num_attention_heads,
            "mlp_ratio": text.intermediate_size / text.hidden_size,
        },
    }


def _require_open_clip_layers(name: str, *towers: Any) -> None:
    """open_clip computes both towers with one activation, GELU or QuickGELU, and torch's epsilon in each norm."""
    acts, epsilons = ({getattr(tower, key) for tower in towers} for key in ("hidden_act", "layer_norm_eps"))
    odd = []
    if len(acts) > 1 or not acts <= {"gelu", "quick_gelu"}:
        odd.append(f"the activation {' and '.join(sorted(acts))}")
    if epsilons != {_EPSILON}:
        odd.append(f"the layer norm's epsilon {' and '.join(map(str, sorted(epsilons)))}")
    if odd:
        raise CheckpointError(
            f"{name}: open_clip cannot compute this CLIP, as it has {' and '.join(odd)}; open_clip has gelu or "
            f"quick_gelu for both towers, and {_EPSILON}. Use it with transformers."
        )
