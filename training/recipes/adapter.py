"""The adapter of a Safe-CLIP: its sizes in a recipe, as PEFT makes it, and one that is gone on from."""

from dataclasses import dataclass, fields
from pathlib import Path

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel

from safeclip.encoders.weights import read_weights
from safeclip.errors import CheckpointError, ProfileError, first_line

from ..bounds import DROPOUT, at_least, check_bound
from ..engine.checkpoints import require_part
from ..models.encoder_kind import CLIP, SIGLIP
from ..run_files import ADAPTER_CONFIG, ADAPTER_FOLDER

ADAPTER = "adapter_model.safetensors"
POOLING = "head.attention.out_proj"  # of a SigLIP: torch's attention reads its weight past an adapter
COMPARED = {"r", "lora_alpha", "target_modules"}  # each with advice of its own
UNTOUCHED = {  # what says nothing of how a saved adapter acts
    *("base_model_name_or_path", "revision", "peft_version", "auto_mapping", "task_type", "inference_mode"),
    *("lora_dropout", "exclude_modules", "runtime_config"),
}
INIT = "init_lora_weights"
PLAIN_INITS = (True, False, "gaussian")  # others begin by a change of the base's weights


@dataclass(frozen=True)
class LoraSpec:
    """The adapter. The defaults are the paper's; its effective scale is alpha / r = 1/16.

    Raises ProfileError for a rank or an alpha below 1, for a dropout that is no share below 1, and without a target.
    """

    r: int = 16
    alpha: int = 1
    dropout: float = 0.1
    targets: tuple[str, ...] = ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")

    def __post_init__(self) -> None:
        check_bound(at_least(1), {"lora.r": self.r, "lora.alpha": self.alpha})
        check_bound(DROPOUT, {"lora.dropout": self.dropout})
        if not self.targets:
            raise ProfileError("the key “lora.targets” names no layer, so nothing would be trained.")


def lora_config(lora: LoraSpec, kind: str = CLIP) -> LoraConfig:
    """The adapter of a CLIP or a SigLIP as PEFT makes it."""
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias="none",
        target_modules=list(lora.targets),
        exclude_modules=[POOLING] if kind == SIGLIP else None,
    )


def with_adapter(model: PreTrainedModel, lora: LoraSpec, kind: str = CLIP) -> PeftModel:
    """Puts a new adapter on a CLIP or a SigLIP.

    Raises ProfileError for a target that names no layer of it, and for layers that PEFT gives no adapter.
    """
    names = [f".{name}" for name, _ in model.named_modules()]
    if absent := [target for target in lora.targets if not any(name.endswith(f".{target}") for name in names)]:
        raise ProfileError(f"the key “lora.targets” names {', '.join(absent)}, of which the checkpoint has no layer.")
    try:
        return get_peft_model(model, lora_config(lora, kind))
    except ValueError as error:
        raise ProfileError(f"the key “lora.targets” is {', '.join(lora.targets)}: {first_line(error)}") from error


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Gives a model's adapter the weights of a saved one.

    Raises CheckpointError when there is none, when it is damaged or no plain LoRA, or when it has another alpha, rank
    or other layers than the model's.
    """
    if (folder / ADAPTER_FOLDER / ADAPTER).is_file():
        raise CheckpointError(
            f"{folder}: this is the folder of a run. Name its adapter: start = “{folder / ADAPTER_FOLDER}”."
        )
    require_part(folder, ADAPTER, "adapter")
    asked, saved = model.active_peft_config, _config(folder)
    for key, name in (("r", "r"), ("lora_alpha", "alpha")):
        has, wanted = getattr(saved, key, None), getattr(asked, key)
        if has != wanted:
            raise CheckpointError(
                f"{folder}: its adapter has {name} {has}; the recipe asks for {wanted}. Make lora.{name} {has}."
            )
    if odd := _odd_keys(saved, asked):
        raise CheckpointError(
            f"{folder}: its adapter is no plain LoRA ({', '.join(odd)}), and only those can be gone on from. Merge it "
            "into its base with PEFT, and make that the recipe's checkpoint."
        )
    if saved.target_modules != asked.target_modules:
        layers = ", ".join(sorted(saved.target_modules))
        raise CheckpointError(f"{folder}: its adapter is of other layers. Make lora.targets those: {layers}.")
    weights, own = read_weights(folder / ADAPTER), get_peft_model_state_dict(model)
    if {name: each.shape for name, each in own.items()} != {name: each.shape for name, each in weights.items()}:
        raise CheckpointError(
            f"{folder}: its adapter is of a model with other layers than the recipe's checkpoint has. "
            f"It was made from {saved.base_model_name_or_path}."
        )
    set_peft_model_state_dict(model, weights)


def _config(folder: Path) -> LoraConfig:
    """The configuration of a saved adapter. Raises CheckpointError when it is missing, damaged, or not of a LoRA."""
    try:
        saved = PeftConfig.from_pretrained(folder)
    except Exception as error:  # no file, no JSON, a method that this PEFT does not have: many kinds
        raise CheckpointError(
            f"{folder}: {ADAPTER_CONFIG} of its adapter is missing or cannot be read ({first_line(error)})."
        ) from error
    if not isinstance(saved, LoraConfig):
        method = saved.peft_type.value
        raise CheckpointError(f"{folder}: its adapter is made by {method}; a recipe goes on from one by LORA alone.")
    return saved


def _odd_keys(saved: LoraConfig, asked: LoraConfig) -> list[str]:
    """What makes a saved adapter act otherwise than the recipe's, beside its sizes and layers."""
    names = {each.name for each in fields(LoraConfig)} - COMPARED - UNTOUCHED - {INIT}
    odd = [name for name in names if (getattr(saved, name) or None) != (getattr(asked, name) or None)]
    if getattr(saved, INIT) not in PLAIN_INITS:
        odd.append(INIT)
    if isinstance(saved.target_modules, str):
        odd.append("target_modules by a pattern")
    return sorted(odd)
