"""The adapter of a Safe-CLIP: its sizes in a recipe, as PEFT makes it, and one that is gone on from."""

from dataclasses import dataclass
from pathlib import Path

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from safeclip.errors import CheckpointError

from ..bounds import DROPOUT, at_least, check_bound
from ..engine.checkpoints import require_part
from ..models.encoder_kind import CLIP, SIGLIP
from ..run_files import ADAPTER_FOLDER

ADAPTER = "adapter_model.safetensors"
POOLING = "head.attention.out_proj"  # of a SigLIP: torch's attention reads its weight past an adapter


@dataclass(frozen=True)
class LoraSpec:
    """The adapter. The defaults are the paper's; its effective scale is alpha / r = 1/16.

    Raises ProfileError for a rank or an alpha below 1, and for a dropout that is no share below 1.
    """

    r: int = 16
    alpha: int = 1
    dropout: float = 0.1
    targets: tuple[str, ...] = ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")

    def __post_init__(self) -> None:
        check_bound(at_least(1), {"lora.r": self.r, "lora.alpha": self.alpha})
        check_bound(DROPOUT, {"lora.dropout": self.dropout})


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


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Gives a model's adapter the weights of a saved one.

    Raises CheckpointError when there is none, or when it has another alpha, rank or other layers than the model's.
    """
    if (folder / ADAPTER_FOLDER / ADAPTER).is_file():
        raise CheckpointError(
            f"{folder}: this is the folder of a run. Name its adapter: start = “{folder / ADAPTER_FOLDER}”."
        )
    require_part(folder, ADAPTER, "adapter")
    asked, saved = model.active_peft_config, PeftConfig.from_pretrained(folder)
    for key, name in (("r", "r"), ("lora_alpha", "alpha")):
        has, wanted = getattr(saved, key, None), getattr(asked, key)
        if has != wanted:
            raise CheckpointError(
                f"{folder}: its adapter has {name} {has}; the recipe asks for {wanted}. Make lora.{name} {has}."
            )
    weights, own = load_file(folder / ADAPTER), get_peft_model_state_dict(model)
    if saved.target_modules != asked.target_modules:
        layers = ", ".join(sorted(saved.target_modules))
        raise CheckpointError(f"{folder}: its adapter is of other layers. Make lora.targets those: {layers}.")
    if {name: each.shape for name, each in own.items()} != {name: each.shape for name, each in weights.items()}:
        raise CheckpointError(
            f"{folder}: its adapter is of a model with other layers than the recipe's checkpoint has. "
            f"It was made from {saved.base_model_name_or_path}."
        )
    set_peft_model_state_dict(model, weights)
