"""The adapter of a Safe-CLIP: its sizes in a recipe, as PEFT makes it, and one that is gone on from."""

from dataclasses import dataclass
from pathlib import Path

from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from safeclip.errors import CheckpointError, ProfileError

from ..engine.checkpoints import require_part
from ..engine.recipe import check_at_least
from ..models.encoder_kind import CLIP, SIGLIP

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
        check_at_least(1, {"lora.r": self.r, "lora.alpha": self.alpha})
        if not 0 <= self.dropout < 1:
            raise ProfileError(f"the key “lora.dropout” is {self.dropout}; it must be from 0 to below 1.")


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
    require_part(folder, ADAPTER, "adapter")
    weights = load_file(folder / ADAPTER)
    own = get_peft_model_state_dict(model)
    if {name: each.shape for name, each in own.items()} != {name: each.shape for name, each in weights.items()}:
        raise CheckpointError(f"{folder}: its adapter has other layers or another rank than the recipe asks for.")
    asked, saved = model.active_peft_config.lora_alpha, PeftConfig.from_pretrained(folder).lora_alpha
    if asked != saved:
        raise CheckpointError(f"{folder}: its adapter has alpha {saved}; the recipe asks for {asked}. Make them equal.")
    set_peft_model_state_dict(model, weights)
