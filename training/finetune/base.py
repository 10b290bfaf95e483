"""Base of a fine-tune: what is read of it before the training, and open_clip's models in the layout that is tuned."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import CLIPModel

from safeclip.encoders import Encoder, formats
from safeclip.encoders.formats import layouts
from safeclip.encoders.formats.declaration import CheckpointSource, directory_of
from safeclip.encoders.formats.open_clip_format import OpenClipFormat
from safeclip.encoders.formats.open_clip_names import find
from safeclip.encoders.weights import read_weights
from safeclip.errors import CheckpointError, short_reason
from safeclip.runtime.checkpoint_names import locate

from ..base_name import CONVERTED_FROM, base_name
from ..models.encoder_kind import CLIP, SIGLIP
from ..models.open_clip_layout import transformers_config, transformers_weights

LOGIT_SCALE = "logit_scale"
SAME = 1e-4  # largest difference of a probe's embeddings that rounding explains
PROBE = ["a photo of a dog", "two people in front of a house at night"]


def prepared_base(name: str, folder: Path) -> str:
    """The checkpoint to tune: `name`, or its copy in `folder` in transformers' layout where it is open_clip's.

    Raises CheckpointError for a path where nothing is and for an architecture that is not CLIP's own, HubError.
    """
    place = locate(name)
    if isinstance(place, Path) and not place.exists():
        raise CheckpointError(f"{name}: there is no such CLIP checkpoint. Name a folder, or OWNER/NAME of the hub.")
    source = CheckpointSource(place)
    if not isinstance(formats.find(source), OpenClipFormat):
        return name
    if not layouts.CLIP_MODEL.weight_files(folder):
        convert(name, folder)
    return str(folder.absolute())


def convert(name: str, folder: Path) -> None:
    """Writes an open_clip checkpoint in transformers' layout, and makes sure that both embed texts and pixels alike.

    Raises CheckpointError for an architecture that is not CLIP's own.
    """
    place = locate(name)
    encoder = Encoder.from_pretrained(place, device="cpu")
    config = transformers_config(find(place).config, encoder.tokenizer, name)
    model = CLIPModel(config).eval()
    misfits = model.load_state_dict(transformers_weights(encoder.model.state_dict()), strict=False)
    if misfits.unexpected_keys or any(not key.endswith("position_ids") for key in misfits.missing_keys):
        raise CheckpointError(f"{name}: its weights are not those of a plain CLIP ({misfits}).")
    _compare(name, encoder, model)
    partial = folder.with_name(f"{folder.name}.partial")
    for part in (model, encoder.tokenizer, encoder.image_processor):
        part.save_pretrained(partial)
    (partial / CONVERTED_FROM).write_text(f"{base_name(name)}\n", encoding="utf-8")
    partial.replace(folder)  # whole or not at all


@torch.no_grad()
def _compare(name: str, encoder: Encoder, model: CLIPModel) -> None:
    tokens = encoder.tokenize(PROBE)
    side = model.config.vision_config.image_size
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    texts = model.get_text_features(tokens["input_ids"], tokens["attention_mask"]).pooler_output
    images = model.get_image_features(pixels).pooler_output
    for ours, theirs in ((texts, encoder.embed_tokens(tokens)), (images, encoder.embed_pixels(pixels))):
        difference = (torch.nn.functional.normalize(ours, dim=-1) - torch.from_numpy(theirs)).abs().max()
        if difference > SAME:
            raise CheckpointError(f"{name}: its copy in transformers' layout embeds otherwise, so it cannot be tuned.")


def logit_scale(name: str, kind: str = CLIP) -> float:
    """The factor from cosine to logit that a checkpoint of transformers learnt, read without the rest of its weights.

    Raises CheckpointError when there is none or its file is damaged, HubError when the hub does not give the
    checkpoint.
    """
    directory = directory_of(locate(name), layouts.SIGLIP if kind == SIGLIP else layouts.CLIP)
    for path in layouts.CLIP_MODEL.weight_files(directory):
        if (found := _tensor(path, LOGIT_SCALE)) is not None:
            return float(found.float().exp())
    raise CheckpointError(f"{name}: there is no logit scale among its weights; the base must be a CLIP or a SigLIP.")


def _tensor(path: Path, name: str) -> torch.Tensor | None:
    """The tensor of a name in a file of weights, read without the others where the format lets one."""
    if path.suffix != ".safetensors":
        return read_weights(path).get(name)
    try:
        with safe_open(path, "pt") as file:
            return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: the weights cannot be read ({short_reason(error)}).") from error
