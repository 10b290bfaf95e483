"""A frozen LLaVA that reads patch states: what it says of them, and how likely a given answer is."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from transformers import CLIPVisionModel

from safeclip.captioning.llava import Llava
from safeclip.errors import ProfileError
from safeclip.hashing import checkpoint_hashes, content_id
from safeclip.paths import resolve

from ..models.llava import FEATURE_LAYER, FEATURES, SHARED, answer_states
from ..models.padding import pad

ANSWER_TOKENS = 40  # at most, end of text included
IGNORED = -100  # torch's ignore_index: in rows of answers, what follows the end of text


class FrozenLlava:
    """A LLaVA that answers one question about pictures.

    Raises CheckpointError for a checkpoint that cannot be read, ProfileError for one that reads other states than
    LLaVA-1.5 does.
    """

    def __init__(self, name: str, question: str, device: torch.device):
        folder = resolve(name)
        self._llava = Llava.from_pretrained(folder, device=device, dtype="float32")
        self._model = self._llava.model
        config = self._model.config
        if (config.vision_feature_layer, config.vision_feature_select_strategy) != (FEATURE_LAYER, FEATURES):
            raise ProfileError(
                f"{name} reads other states than LLaVA-1.5 does. Choose a checkpoint that reads the same."
            )
        self._model.model.language_model.set_attn_implementation("eager")  # faster backwards on a CPU
        size = config.vision_config.image_size
        ids, _ = self._llava.inputs([Image.new("RGB", (size, size))], question)
        self._ids = ids.to(device)
        self._picture_at = ids[0].tolist().index(config.image_token_id)
        self.fingerprint = content_id(question + "".join(checkpoint_hashes(folder)))

    def check(self, tower: CLIPVisionModel) -> None:
        """Raises CheckpointError unless it can read the patches of `tower`."""
        self._llava.check(tower)

    def answers(self, pixels: torch.Tensor) -> torch.Tensor:
        """Greedy answers by its own vision tower, end of text included: int64 (n, longest), IGNORED after the end.

        `pixels` float32 (n, 3, side, side) are normalised as for CLIP.
        """
        features = self._llava.encode_image(pixels)
        said = self._llava.generate(self._ids, features, max_new_tokens=ANSWER_TOKENS)
        end = self._llava.processor.tokenizer.eos_token_id
        return pad([[*row.tokens, end] if row.complete else row.tokens for row in said], IGNORED)

    def log_likelihoods(self, states: torch.Tensor, *answers: torch.Tensor) -> list[torch.Tensor]:
        """Log-likelihoods of answers in nats, float32 (n,) for each of `answers`, with a gradient for the states alone.

        states (n, patches, width) as the vision tower leaves them; answers int64 (n, length), IGNORED where padded.
        Prompt and picture are read once, and every answer follows them as if it were the only one.
        """
        prompt = torch.arange(self._ids.shape[1])
        turns = torch.cat([torch.full_like(prompt, SHARED), *_numbered(answers)])
        positions = torch.cat([prompt, *(len(prompt) + torch.arange(each.shape[1]) for each in answers)])
        ids = torch.cat((self._ids.expand(len(states), -1), *(each.clamp(min=0) for each in answers)), dim=1)
        turns, positions = (each.to(ids.device).expand(len(ids), -1) for each in (turns, positions))
        language = self._model.model.language_model
        found = answer_states(self._model, language, states, self._picture_at, ids, turns, positions)
        before, *said = found.split([len(prompt), *(each.shape[1] for each in answers)], dim=1)
        return [self._log_likelihood(before[:, -1:], own, each) for own, each in zip(said, answers, strict=True)]

    def _log_likelihood(self, last: torch.Tensor, own: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """`last` (n, 1, width) is the state before an answer, `own` (n, length, width) are those of its tokens."""
        logits = self._model.lm_head(torch.cat((last, own[:, :-1]), dim=1)).float()
        errors = F.cross_entropy(logits.transpose(1, 2), answers, ignore_index=IGNORED, reduction="none")
        return -errors.sum(1)


def _numbered(answers: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """For each of `answers` (n, length) the number of its turn, int64 (length,)."""
    return [torch.full((each.shape[1],), number) for number, each in enumerate(answers, SHARED + 1)]
