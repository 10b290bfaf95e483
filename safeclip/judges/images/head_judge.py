"""Judges of photographs that embed an image with original CLIP ViT-L/14 and read the embedding with a head.

They come with the library (`clip_heads`); only the encoder is fetched. Their scores are not independent of a seat that
is this encoder.
"""

import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from ...errors import CheckpointError, DeviceError, JudgeError, first_line
from ...hashing import json_sha256
from ..declaration import JudgeDeclaration
from ..domains import PHOTOGRAPHS, SEXUAL, VIOLENCE
from ..inputs import as_rgb
from ..scores import Score
from .clip_heads import ENCODER, HEADS, WIDTH

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    from ...encoders import Encoder

COVERS = {
    "laion-nsfw": "sexual content",
    "q16": "what people call inappropriate",
    "violence": "violence",
}
_HARM = {"laion-nsfw": SEXUAL, "q16": VIOLENCE, "violence": VIOLENCE}
THRESHOLD = 0.5  # of all three: LAION-5B's filter, and the likelier of two prompts

_encoders: "weakref.WeakValueDictionary[str, Encoder]" = weakref.WeakValueDictionary()
_loading = threading.Lock()

_WIDEST = 4  # times as long as it is high; what lies beyond the middle is never read
_BATCH = 64  # images


class HeadJudge:
    """Scores images by one head of `clip_heads.HEADS` on the embeddings of original CLIP ViT-L/14 at 224 px."""

    threshold = THRESHOLD

    def __init__(self, head: str, encoder: "Encoder") -> None:
        """Judges by `head`, a key of `HEADS`. Raises JudgeError when the encoder's width is not the head's."""
        if encoder.dim != WIDTH:
            raise JudgeError(
                f"The judge “{head}” reads embeddings of {WIDTH} numbers, but this encoder gives {encoder.dim}. "
                f"It belongs to {ENCODER}."
            )
        self.name = head
        self.covers = COVERS[head]
        self.version = json_sha256([head, encoder.fingerprint])[:8]
        self._head = HEADS[head]
        self._encoder = encoder

    @classmethod
    def open(cls, head: str, device: "str | torch.device | None" = None) -> Self:
        """Loads the encoder. Raises JudgeError when it cannot be had, DeviceError when the device cannot take it."""
        return cls(head, shared_encoder(head, device))

    def score(self, images: Sequence["Image.Image"]) -> list[Score]:
        scores = []
        for start in range(0, len(images), _BATCH):
            rgb = [middle(as_rgb(image)) for image in images[start : start + _BATCH]]
            try:
                embeddings = self._encoder.encode_images(rgb)
            except (DeviceError, RuntimeError) as error:
                raise JudgeError(f"{self.name} could not judge: {first_line(error)}") from error
            scores += self.score_embeddings(embeddings)
        return scores

    def score_embeddings(self, embeddings: "np.ndarray") -> list[Score]:
        """Scores n images by this encoder's embeddings (n, 768), L2-normalised, as an index holds them."""
        return [
            Score(self.name, self.version, self.threshold, float(value), covers=self.covers)
            for value in self._head(embeddings)
        ]


def shared_encoder(judge: str, device: "str | torch.device | None") -> "Encoder":
    """Loads the encoder of a device once for all judges in use that read it.

    Raises JudgeError, which names the judge, when it cannot be had, DeviceError when the device cannot take it.
    """
    from ...encoders import Encoder  # imports torch

    with _loading:
        encoder = _encoders.get(str(device))
        if encoder is None:
            try:
                encoder = _encoders[str(device)] = Encoder.from_pretrained(ENCODER, device=device)
            except CheckpointError as error:
                raise JudgeError(f"The judge “{judge}” reads {ENCODER}, which cannot be had: {error}") from error
        return encoder


def middle(image: "Image.Image") -> "Image.Image":
    """Cuts the ends off a very long image, of which CLIP would crop the middle after enlarging all of it."""
    width, height = image.size
    short = _WIDEST * min(width, height)
    left, top = max(0, (width - short) // 2), max(0, (height - short) // 2)
    return image.crop((left, top, min(width, left + short), min(height, top + short)))


def _declaration(head: str) -> JudgeDeclaration[HeadJudge]:
    return JudgeDeclaration(
        head,
        lambda path, device: HeadJudge.open(head, device),
        encoder=ENCODER,
        domain=PHOTOGRAPHS,
        harms=(_HARM[head],),
    )


JUDGES = tuple(_declaration(head) for head in HEADS)
