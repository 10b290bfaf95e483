"""Declares the files of a Stable Diffusion pipeline in diffusers' layout."""

from ..runtime.checkpoint_files import TOKENIZER, TOKENIZER_SETTINGS, CheckpointFiles

STABLE_DIFFUSION = CheckpointFiles(
    "Stable Diffusion pipeline",
    required=(
        *(((name,),) for name in ("model_index.json", "scheduler/scheduler_config.json")),
        *(((f"{part}/config.json",),) for part in ("text_encoder", "unet", "vae")),
        tuple(tuple(f"tokenizer/{name}" for name in names) for names in TOKENIZER),
    ),
    weights=(
        (
            "text_encoder/model.safetensors",
            *(f"{part}/diffusion_pytorch_model.safetensors" for part in ("unet", "vae")),
        ),
    ),
    optional=tuple(f"tokenizer/{name}" for name in TOKENIZER_SETTINGS),
)
