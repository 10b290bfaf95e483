"""Reads a CLIP in the layout of `transformers`: config.json and weights, with a PEFT adapter merged in."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPModel, PreTrainedModel

from ...errors import CheckpointError, first_line
from ...hashing import file_sha256
from ...runtime.checkpoint_files import read_config, truncated
from ...runtime.quiet import quiet_loading
from .. import quick_gelu
from ..parts import EncoderParts, Towers
from ..processors import read_processors
from ..weights import read_weights
from .layouts import ADAPTER, CLIP_MODEL
from .second_copy import compare


class ClipModelTowers(Towers):
    """Towers of a `transformers.CLIPModel`."""

    @property
    def width(self) -> int:
        return self.model.config.projection_dim

    @property
    def max_length(self) -> int:
        return self.model.config.text_config.max_position_embeddings

    @property
    def image_size(self) -> int:
        """Side in px of the square images that the image tower reads."""
        return self.model.config.vision_config.image_size

    def text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixels).pooler_output


def read_parts(
    directory: Path, processor: Path, adapter: Path | None, dtype: torch.dtype, *, name: str, half: bool = False
) -> EncoderParts:
    """Loads the model of `directory` on the CPU, tokenizer and image processor of `processor`, and merges `adapter`.

    `name` is what the profile calls the checkpoint: a hint of where its weights come from. `half` is that of a
    `CheckpointSource`. Raises CheckpointError.
    """
    towers = ClipModelTowers(read_model(directory, dtype, half=half))
    parts = EncoderParts(
        towers,
        read_processors(processor, towers.max_length, image_size=towers.image_size),
        identity=model_identity(directory, half=half),
        warnings=tuple(quick_gelu.doubts(name, read_config(directory / "config.json"))),
    )
    told = compare(parts, directory, name)  # before the adapter changes the weights
    parts = replace(parts, warnings=(*parts.warnings, *told))
    return parts if adapter is None else with_adapter(parts, adapter)


def model_identity(directory: Path, *, half: bool = False) -> dict[str, Any]:
    """The hashes of configuration and weights, which decide a feature vector."""
    return {
        "config": file_sha256(directory / "config.json"),
        "weights": [file_sha256(path) for path in replace(CLIP_MODEL, half=half).weight_files(directory)],
    }


def read_model(
    directory: Path, dtype: torch.dtype, architecture: type[PreTrainedModel] = CLIPModel, *, half: bool = False
) -> Any:
    """Loads the model of a directory, of that class. Raises CheckpointError when a file is missing or does not fit."""
    layout = replace(CLIP_MODEL, half=half).inside(directory)
    layout.require(directory)
    needed = architecture.config_class.model_type
    if (kind := read_config(directory / "config.json").get("model_type")) != needed:
        hint = f' Set kind = "{kind}" beside the checkpoint.' if kind in ("clip", "siglip") else ""
        raise CheckpointError(
            f"{directory}: this is a checkpoint of type {kind!r}; one of type “{needed}” is needed.{hint}"
        )
    files = layout.weight_files(directory)
    if cut := sorted(set(truncated(directory)) & set(files)):
        raise CheckpointError(f"{cut[0]}: the file is cut short. Its download or copy was interrupted: fetch it again.")
    if files[0].suffix == ".safetensors":
        variant = layout.variant(directory)
        return load_model(directory, f"{directory}: the weights", dtype, architecture=architecture, variant=variant)
    weights = {key: tensor for path in files for key, tensor in read_weights(path).items()}
    return load_model(directory, f"{directory}: the weights", dtype, weights, architecture)


def load_model(
    directory: Path,
    what: str,
    dtype: torch.dtype,
    weights: dict[str, torch.Tensor] | None = None,
    architecture: type[PreTrainedModel] = CLIPModel,
    variant: str | None = None,
) -> Any:
    """Makes the model of `directory`'s config.json with `weights`, by default those of its safetensors of `variant`.

    Raises CheckpointError, beginning with `what`, for weights that do not fit or lack a tensor, which transformers
    would replace by random numbers.
    """
    try:
        with quiet_loading():
            model, info = architecture.from_pretrained(
                None if weights else directory,
                config=architecture.config_class.from_pretrained(directory, local_files_only=True),
                state_dict=weights,
                use_safetensors=None if weights else True,
                variant=variant,
                local_files_only=True,
                dtype=dtype,
                attn_implementation="sdpa",
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told below, in words of ours
            )
    except Exception as error:  # transformers and safetensors raise many kinds for files that they cannot use
        raise CheckpointError(f"{what} cannot be loaded: {first_line(error)}") from error
    if misfits := sorted(info["mismatched_keys"]):
        key, stored, wanted = misfits[0]
        raise CheckpointError(
            f"{what} do not fit config.json: {key} is {tuple(stored)} in the file and {tuple(wanted)} by the "
            f"configuration, one of {len(misfits)} such tensors. Fetch both files from one revision."
        )
    if absent := sorted(info["missing_keys"]):
        raise CheckpointError(f"{what} lack {len(absent)} tensors, among them {absent[0]}.")
    return model


def merge_adapter(model: PreTrainedModel, adapter: Path) -> Any:
    """Adds a PEFT adapter's change to the weights of `model`. Raises CheckpointError for one of another model."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    ADAPTER.require(adapter)
    try:
        with warnings.catch_warnings():  # PEFT's about missing tensors; they are compared below
            warnings.simplefilter("ignore")
            tuned = PeftModel.from_pretrained(model, adapter)
        with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
            stored = set(file.keys())
    except Exception as error:  # PEFT and safetensors raise many kinds for files that they cannot use
        if "size mismatch" in str(error):
            raise CheckpointError(_of_another_base(adapter, model, "tensors of another shape")) from error
        raise CheckpointError(f"{adapter}: the adapter cannot be loaded: {first_line(error)}") from error
    # "auto" would look the base model up on the hub under the name that the adapter's configuration gives it.
    if odd := sorted(stored ^ set(get_peft_model_state_dict(tuned, save_embedding_layers=False))):
        raise CheckpointError(_of_another_base(adapter, model, f"{len(odd)} tensors, as {odd[0]}"))
    return tuned.merge_and_unload()


def _of_another_base(adapter: Path, model: PreTrainedModel, differing: str) -> str:
    """Says which base an adapter was trained on, which one it was put on, and what to do."""
    named = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
    given = getattr(model.config, "_name_or_path", "") or "this checkpoint"
    if named and str(named) == str(given):
        return (
            f"{adapter}: the adapter is of another model than {given}, which its adapter_config.json names: "
            f"{differing}. A rank or a base was changed since; take both of the adapter's files from one training."
        )
    return (
        f"{adapter}: the adapter is of another model than {given}: {differing}. Its adapter_config.json names "
        f"{named or 'no base'}; set that as the checkpoint beside it."
    )


def with_adapter(parts: EncoderParts, adapter: Path) -> EncoderParts:
    """The parts with a PEFT adapter merged into their model. Raises CheckpointError for one of another model."""
    model = merge_adapter(parts.towers.model, adapter)
    hashes = [file_sha256(path) for path in (adapter / "adapter_config.json", *ADAPTER.weight_files(adapter))]
    return replace(parts, towers=parts.towers.with_model(model), identity={**parts.identity, "adapter": hashes})
