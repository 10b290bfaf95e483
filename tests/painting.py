"""What tests of the Generation tab share: a prompt, who ships nothing, and pictures made of noise."""

import base64
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from PIL import Image

from demo.generation_ask import GenerationAsk

PROMPT = "a dog holding a kite in the forest"
NONE = SimpleNamespace(find=lambda ask: None)  # ships nothing
DEFAULT = GenerationAsk(seats=("safe",), steps=4, guidance=3.0)


def ask_of(prompt: str = PROMPT, **more) -> GenerationAsk:
    return replace(DEFAULT, prompt=prompt, **more)


def decoded(uri: str) -> Image.Image:
    """The picture in a `data:` URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def picture(seed: int = 0, size: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))
