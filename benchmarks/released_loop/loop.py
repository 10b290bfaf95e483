"""The training loop that Safe-CLIP's authors released, written anew: what this package's training is measured against.

Taken from the repository aimagelab/safe-clip and arXiv 2311.16254: CLIP's two towers, each with a LoRA of its own
(r = 16, alpha = 1, dropout 0.1), Adam at 1e-3, and the paper's eight terms at logit scale 100. In every step texts are
padded to the model's 77 tokens, each tuned tower runs once for the safe and once for the unsafe rows, and both
reference towers run for the safe rows. The released reference is the very object that the LoRA changes, put into
training mode: it drifts, and takes no memory of its own. `copies` mends that, as the paper means it.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import get_peft_model
from PIL import Image
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionModelWithProjection,
)

from training.losses.redirection import LOGIT_SCALE, RedirectionWeights
from training.recipes.adapter import LoraSpec, lora_config

Halves = Mapping[str, Sequence]  # "safe" and "unsafe": n texts, or n images
LEARNING_RATE = 1e-3


class ReleasedLoop:
    """Both towers of a checkpoint with an adapter, their reference, and Adam on the adapter, in float32."""

    def __init__(
        self, checkpoint: Path, device: str, *, copies: bool, learning_rate: float = LEARNING_RATE, seed: int = 1
    ):
        width = CLIPConfig.from_pretrained(checkpoint).projection_dim  # a tower's own configuration may lack it

        def load(kind: type[nn.Module]) -> nn.Module:
            return kind.from_pretrained(checkpoint, dtype=torch.float32, projection_dim=width).to(device)

        self._device = device
        self._tokenizer = CLIPTokenizer.from_pretrained(checkpoint)
        self._processor = CLIPImageProcessor.from_pretrained(checkpoint)
        kinds = (CLIPTextModelWithProjection, CLIPVisionModelWithProjection)
        bases = [load(kind) for kind in kinds]
        references = [load(kind) for kind in kinds] if copies else bases
        torch.manual_seed(seed)
        self._text, self._vision = (get_peft_model(base, lora_config(LoraSpec())).train() for base in bases)
        self._reference_text, self._reference_vision = (each.train(not copies) for each in references)
        self._length = bases[0].config.max_position_embeddings
        trained = [p for p in chain(self._text.parameters(), self._vision.parameters()) if p.requires_grad]
        self._optimizer = torch.optim.Adam(trained, lr=learning_rate)

    def prepare(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Images as pixels on the device."""
        return self._processor(list(images), return_tensors="pt")["pixel_values"].to(self._device)

    def step(self, texts: Halves, pixels: Mapping[str, torch.Tensor]) -> float:
        """Takes one step on the halves of a batch; returns the loss, before the released division by 8."""
        tokens = {half: self._tokens(each) for half, each in texts.items()}
        text = {half: self._text(**each).text_embeds for half, each in tokens.items()}
        with torch.no_grad():
            reference_text = self._reference_text(**tokens["safe"]).text_embeds
            reference_image = self._reference_vision(pixels["safe"]).image_embeds
        image = {half: self._vision(each).image_embeds for half, each in pixels.items()}
        loss = eight_terms(text, image, reference_text, reference_image)
        self._optimizer.zero_grad()
        (loss / 8).backward()
        self._optimizer.step()
        return loss.item()

    @torch.no_grad()
    def embed(self, texts: Sequence[str], pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The tuned model's embeddings of n texts and n images, (n, d), L2-normalised."""
        for tower in (self._text, self._vision):
            tower.eval()
        found = self._text(**self._tokens(texts)).text_embeds, self._vision(pixels).image_embeds
        for tower in (self._text, self._vision):
            tower.train()
        return tuple(F.normalize(each, dim=-1) for each in found)

    def _tokens(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        options = {"padding": "max_length", "max_length": self._length, "truncation": True, "return_tensors": "pt"}
        return dict(self._tokenizer(list(texts), **options).to(self._device))


def eight_terms(
    text: Mapping[str, torch.Tensor],
    image: Mapping[str, torch.Tensor],
    reference_text: torch.Tensor,
    reference_image: torch.Tensor,
) -> torch.Tensor:
    """The weighted mean of the paper's terms, from features (n, d) that are not normalised."""

    def contrast(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        logits = LOGIT_SCALE * F.normalize(a) @ F.normalize(b).T
        own = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (1 - F.cosine_similarity(a, b)).mean()

    weights = RedirectionWeights()
    terms = {
        "redirect_text_to_image": contrast(text["unsafe"], reference_image),
        "redirect_image_to_text": contrast(reference_text, image["unsafe"]),
        "redirect_text_to_text": distance(text["unsafe"], reference_text),
        "redirect_image_to_image": distance(image["unsafe"], reference_image),
        "preserve_text_to_text": distance(text["safe"], reference_text),
        "preserve_image_to_image": distance(image["safe"], reference_image),
        "preserve_text_to_image": contrast(text["safe"], reference_image),
        "preserve_image_to_text": contrast(reference_text, image["safe"]),
    }
    return sum(getattr(weights, name) * term for name, term in terms.items()) / sum(vars(weights).values())
