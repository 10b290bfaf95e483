"""Declares the files of a LLaVA checkpoint in transformers' layout."""

from dataclasses import replace

from ..runtime.checkpoint_files import CONFIG, IMAGE_PROCESSOR, TOKENIZER_SETTINGS, CheckpointFiles

LINEAR = 0.92  # share of the weights of LLaVA-1.5 7B that can be stored in fewer bits

LLAVA = CheckpointFiles(
    "LLaVA checkpoint",
    required=(
        CONFIG,
        (("tokenizer.json",), ("tokenizer.model",)),
        IMAGE_PROCESSOR,
    ),
    weights=(("model.safetensors",),),
    optional=(*TOKENIZER_SETTINGS, "generation_config.json", "added_tokens.json", "chat_template.*"),
)


def llava_files(dtype: str) -> CheckpointFiles:
    """The files that are read for weights in `dtype` (torch's name)."""
    return replace(LLAVA, half=dtype != "float32")
