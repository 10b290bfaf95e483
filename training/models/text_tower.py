"""CLIP's text tower on its own: built small, started from a sentence encoder, saved in the layout of the hub."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from safeclip.hashing import checkpoint_hashes, content_id

from .padding import pad
from .sentence_encoder import SentenceEncoder
from .tokenizer import END, special_ids

BATCH = 256
TOKEN_STD = 0.04  # standard deviation of the token embeddings at the start


@dataclass(frozen=True)
class TextTowerSpec:
    """Sizes, as in transformers' CLIPTextConfig."""

    width: int
    layers: int
    heads: int
    max_length: int  # tokens, start and end of text included
    vocabulary_size: int  # upper bound


def build_text_tower(spec: TextTowerSpec, tokenizer: CLIPTokenizer, projection_dim: int) -> CLIPTextModelWithProjection:
    """A text tower with random weights: causal, pooled at the end token. Its attention is eager, faster on a CPU."""
    config = CLIPTextConfig(
        hidden_act="gelu",
        projection_dim=projection_dim,
        vocab_size=len(tokenizer),
        hidden_size=spec.width,
        intermediate_size=4 * spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        max_position_embeddings=spec.max_length,
        attn_implementation="eager",
        **special_ids(tokenizer),
    )
    return CLIPTextModelWithProjection(config)


def principal_components(embeddings: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and first `count` principal components (count, d) of embeddings (n, d), in float64.

    The sign of each component is that which makes its largest entry positive.
    """
    mean = embeddings.mean(0, dtype=np.float64)
    centred = embeddings.astype(np.float64) - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    components = vectors.T[::-1][:count]
    largest = np.take_along_axis(components, np.abs(components).argmax(1)[:, None], axis=1)
    return mean, components * np.sign(largest)


def token_texts(tokenizer: CLIPTokenizer) -> list[str]:
    """The text of each entry of the vocabulary; "" where it is none (special tokens, parts of a character)."""
    special = set(tokenizer.all_special_ids)
    texts = []
    for index, token in enumerate(tokenizer.convert_ids_to_tokens(range(len(tokenizer)))):
        text = "" if index in special else tokenizer.decode([index]).strip()
        texts.append("" if "\ufffd" in text or token == END else text)
    return texts


@torch.no_grad()
def start_from_teacher(
    model: CLIPTextModelWithProjection,
    tokenizer: CLIPTokenizer,
    teacher: SentenceEncoder,
    phrases: np.ndarray,
) -> None:
    """Sets token embeddings and projection from the teacher's geometry, in place.

    Each token's text is encoded as a sentence and projected on the principal components of `phrases`, the teacher's
    embeddings of many texts, (n, d); the projection starts as those components' transpose, so that a token's state
    maps back to the sentence's embedding.
    """
    mean, components = principal_components(phrases, model.config.hidden_size)
    texts = token_texts(tokenizer)
    known = [row for row, text in enumerate(texts) if text]
    placed = (teacher.encode([texts[row] for row in known]) - mean) @ components.T  # (known, width)
    placed *= TOKEN_STD / placed.std()
    embeddings = model.get_input_embeddings().weight
    embeddings[known] = torch.from_numpy(placed).to(embeddings)
    model.text_projection.weight.copy_(torch.from_numpy(components.T.copy()))


def embed_tokens(model: CLIPTextModelWithProjection, chunks: Sequence[torch.Tensor]) -> torch.Tensor:
    """Texts' embeddings, float32 (n, d), L2-normalised, for chunks of token ids (n_i, length_i).

    No attention mask is needed: padding follows the end token, which a causal tower reads no further than.
    """
    pooled = torch.cat([model(input_ids=chunk).text_embeds for chunk in chunks])
    return F.normalize(pooled.float(), dim=-1)


@torch.inference_mode()
def encode_texts(model: CLIPTextModelWithProjection, tokenizer: CLIPTokenizer, texts: Sequence[str]) -> np.ndarray:
    """Texts' embeddings by a tower on the CPU, float32 (n, d), L2-normalised."""
    rows = tokenizer(list(texts), truncation=True).input_ids
    batches = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    chunks = [pad(batch, tokenizer.pad_token_id) for batch in batches]
    return embed_tokens(model.eval(), chunks).numpy()


class RestingTower:
    """A saved text tower as a sentence encoder: in bfloat16 autocast where it lies, texts of like length together."""

    def __init__(self, folder: Path):
        self.tower = CLIPTextModelWithProjection.from_pretrained(folder, dtype=torch.float32)
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)
        self.width: int = self.tower.config.projection_dim
        self.fingerprint: str = content_id("bfloat16" + "".join(checkpoint_hashes(folder)))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        embeddings = np.empty((len(texts), self.width), dtype=np.float32)
        with torch.autocast(self.tower.device.type, dtype=torch.bfloat16):
            embeddings[order] = encode_texts(self.tower, self.tokenizer, [texts[row] for row in order])
        return embeddings


def save_text_tower(folder: Path, model: CLIPTextModelWithProjection, tokenizer: CLIPTokenizer) -> None:
    """Writes the tower in half precision as a hub repository would hold it, in files under 9 MB."""
    deepcopy(model).to(torch.float16).save_pretrained(folder, max_shard_size="8MB")
    tokenizer.save_pretrained(folder)


@torch.no_grad()
def continue_from(folder: Path, model: CLIPTextModelWithProjection, tokenizer: CLIPTokenizer) -> None:
    """Goes on from a saved tower, in place; `tokenizer` may have other entries than the saved one.

    Entries that both have keep their embeddings. `start_from_teacher` must have placed the others: a linear map, fitted
    on the entries that both have, takes them from there to where training has taken the likes of them.
    Raises RuntimeError when the sizes differ.
    """
    saved = CLIPTextModelWithProjection.from_pretrained(folder, dtype=torch.float32)
    known = CLIPTokenizer.from_pretrained(folder).get_vocab()
    vocabulary = tokenizer.get_vocab()
    shared = [entry for entry in known if entry in vocabulary]
    rows = torch.tensor([vocabulary[entry] for entry in shared])
    trained = saved.get_input_embeddings().weight[torch.tensor([known[entry] for entry in shared])]
    placed = F.pad(model.get_input_embeddings().weight, (0, 1), value=1.0)  # (V, width + 1), the last for the offset
    moved = placed @ torch.linalg.lstsq(placed[rows], trained).solution
    moved[rows] = trained
    weights = saved.state_dict()
    name = next(key for key, weight in weights.items() if weight is not None and key.endswith("token_embedding.weight"))
    model.load_state_dict({**weights, name: moved})


@torch.no_grad()
def copy_text_tower(folder: Path, model: CLIPModel) -> None:
    """Starts a CLIPModel's text tower and text projection from a saved tower, in place.

    Raises RuntimeError, naming the tensor, when the sizes differ.
    """
    tower = CLIPTextModelWithProjection.from_pretrained(folder, dtype=torch.float32)
    model.text_model.load_state_dict(tower.text_model.state_dict())
    model.text_projection.load_state_dict(tower.text_projection.state_dict())
