"""Encoders: texts or pictures in, embeddings out; from transformers, open_clip and HySAC checkpoints alike."""

from .encoder import Encoder, Tokens

__all__ = ["Encoder", "Tokens"]
