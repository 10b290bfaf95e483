"""Recipe of a fine-tune, written from a few choices as the TOML file that trains it again."""

from dataclasses import dataclass
from pathlib import Path

from safeclip.schema import toml_string

from ..models.encoder_kind import CLIP

MIXED = """
[objective.mixed_gallery.weights]
mixed_gallery_text = 0.5
mixed_gallery_image = 0.5
"""


@dataclass(frozen=True)
class FinetuneChoices:
    """What a fine-tune is asked for; everything else is the paper's.

    `base` is a CLIP or a SigLIP in transformers' layout, a folder or a repository of the hub; the command makes one of
    an open_clip model. `quadruplets` is a folder as `[data.folder]` reads it. With `paper` the objective and adapter
    are the paper's (r = 16, alpha = 1, eight terms); without it the contrast of the mixed gallery is added, and alpha
    is 16, as a few hundred steps are too few for an adapter scaled by 1/16.
    """

    base: str
    quadruplets: Path
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0
    paper: bool = False


def recipe_text(choices: FinetuneChoices, *, kind: str = CLIP, logit_scale: float, rows: int) -> str:
    """The recipe as TOML for so many rows.

    `kind` is the base's of `models.encoder_kind`. `logit_scale` is what the base learnt, as the paper's 100 is what
    ViT-L/14 learnt. The run is validated and saved after each epoch, and the learning rate falls over the last quarter.
    """
    batch_size = min(choices.batch_size, rows)
    steps_per_epoch = rows // batch_size
    steps = choices.epochs * steps_per_epoch
    return f"""# A Safe-CLIP, written by safeclip-train finetune.
recipe = "safe_clip"
seed = {choices.seed}
checkpoint = {toml_string(choices.base)}
kind = {toml_string(kind)}
epochs = {choices.epochs}
batch_size = {batch_size}
learning_rate = {choices.learning_rate}
warmup_steps = {min(20, steps // 10)}
decay_steps = {steps // 4}
validate_every = {steps_per_epoch}
select = "recall_sum"

[data.folder]
path = {toml_string(str(choices.quadruplets.absolute()))}

[lora]
r = 16
alpha = {1 if choices.paper else 16}

[objective.safe_clip]
logit_scale = {logit_scale:.4g}
{"" if choices.paper else MIXED}"""
