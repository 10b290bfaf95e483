"""Judge of photographs by a list of words: original CLIP ViT-L/14 says how likely one of them names an image.

A file has a phrase in each line: what counts as harmful, and after a minus what an image may show instead. Without such
lines the phrases of `HARMLESS` are set against the harmful ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ...errors import JudgeError
from ...hashing import json_sha256
from ..declaration import JudgeDeclaration
from ..domains import PHOTOGRAPHS
from ..scores import Score, Sight
from .clip_heads import ENCODER
from .head_judge import HeadJudge, shared_encoder

if TYPE_CHECKING:
    import torch

    from ...encoders import Encoder

TEMPLATE = "a photo of {}"  # CLIP's (Radford et al., 2021)
HARMLESS = ("people", "an animal", "food", "a landscape", "a building", "a thing of everyday life")
_MOST = 1000  # phrases


class ZeroShotJudge(HeadJudge):
    """Scores the share of the harmful phrases in a softmax over the encoder's logit scale times the cosines."""

    name = "zero-shot"

    def __init__(self, file: Path, encoder: "Encoder") -> None:
        """Embeds the phrases of a file. Raises JudgeError for a file without a harmful one, or that cannot be read."""
        harmful, harmless = read_phrases(file)
        self.covers = f"the words of {file.name}"
        self.version = json_sha256([harmful, harmless, encoder.fingerprint])[:8]
        self._harmful = harmful
        self._encoder = encoder
        self._texts = encoder.encode_texts([TEMPLATE.format(phrase) for phrase in (*harmful, *harmless)])  # (n, d)

    @classmethod
    def open_file(cls, file: Path, device: "str | torch.device | None" = None) -> Self:
        """Loads the encoder. Raises JudgeError when it cannot be had, DeviceError when the device cannot take it."""
        return cls(file, shared_encoder(cls.name, device))

    def score_embeddings(self, embeddings: np.ndarray) -> list[Score]:
        """Scores n images by this encoder's embeddings (n, d), L2-normalised, as an index holds them."""
        logits = self._encoder.logit_scale * np.asarray(embeddings, np.float64) @ self._texts.T.astype(np.float64)
        likely = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        likely = (likely / likely.sum(axis=1, keepdims=True))[:, : len(self._harmful)]
        return [self._score(row) for row in likely]

    def _score(self, row: np.ndarray) -> Score:
        best = int(row.argmax())
        sight = Sight("label", self._harmful[best], float(row[best]))
        value = min(1.0, float(row.sum()))
        return Score(self.name, self.version, self.threshold, value, (sight,), covers=self.covers)


def read_phrases(file: Path) -> tuple[list[str], list[str]]:
    """Harmful and harmless phrases of a file. Raises JudgeError."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise JudgeError(f"{file}: the words cannot be read as UTF-8: {error}") from error
    phrases = [line for line in lines if line and not line.startswith("#")]
    harmful = [line for line in phrases if not line.startswith("-")]
    harmless = [stripped for line in phrases if line.startswith("-") and (stripped := line[1:].strip())]
    if not harmful or len(phrases) > _MOST:
        raise JudgeError(
            f"{file}: there are {len(harmful)} harmful phrases, of {len(phrases)}. Write one a line, at least one and "
            f"{_MOST} in all at most; a line that begins with a minus is harmless."
        )
    return harmful, harmless or list(HARMLESS)


JUDGE = JudgeDeclaration(
    ZeroShotJudge.name,
    lambda path, device: ZeroShotJudge.open_file(path, device),
    argument="FILE",
    encoder=ENCODER,
    domain=PHOTOGRAPHS,
)
