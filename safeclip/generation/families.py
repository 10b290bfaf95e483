"""Families of text-to-image pipelines: the files of each, its parts, and which of its text encoders a seat replaces."""

from dataclasses import dataclass, field, replace

from ..runtime.checkpoint_files import TOKENIZER, TOKENIZER_SETTINGS, CheckpointFiles

_DENOISERS = {"unet": "UNet2DConditionModel", "transformer": "SD3Transformer2DModel"}
_T5_TOKENIZER = (("tokenizer.json",), ("spiece.model",))


@dataclass(frozen=True)
class Family:
    """One architecture of pipelines, in diffusers' layout.

    `pipeline` is its class in diffusers, `denoiser` the part that removes noise, and `text_encoders` maps the parts
    that read a prompt to their classes in transformers; a seat replaces the first. `absent` are arguments of the class
    that are None here, as nothing uses them. `partial` is a sentence for the user on what of the prompt stays the
    original's, "" where a seat reads all of it. `tokenizers` maps the parts that tokenise to their alternative files.
    `vae_in_float32` says that the autoencoder overflows in half precision. The parts `quantized` can be had in 8 or 4
    bits, their linear layers at least: a share `linear` of all weights. `largest_part` is another share, `working_gb`
    the memory beside the weights, in 10⁹ bytes.
    """

    title: str
    pipeline: str
    denoiser: str
    text_encoders: dict[str, str]
    tokenizers: dict[str, tuple[tuple[str, ...], ...]]
    largest_part: float
    linear: float
    working_gb: float
    quantized: tuple[str, ...]
    absent: tuple[str, ...] = ()
    partial: str = ""
    vae_in_float32: bool = False
    files: CheckpointFiles = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", self._layout())

    @property
    def models(self) -> dict[str, str]:
        """The parts that make the image, and their classes in diffusers."""
        return {self.denoiser: _DENOISERS[self.denoiser], "vae": "AutoencoderKL"}

    def _layout(self) -> CheckpointFiles:
        names = ("model_index.json", "scheduler/scheduler_config.json")
        configs = [f"{part}/config.json" for part in (*self.text_encoders, *self.models)]
        tokenizers = [
            tuple(tuple(f"{part}/{name}" for name in alternative) for alternative in alternatives)
            for part, alternatives in self.tokenizers.items()
        ]
        weights = (
            *(f"{part}/model.safetensors" for part in self.text_encoders),
            *(f"{part}/diffusion_pytorch_model.safetensors" for part in self.models),
        )
        return CheckpointFiles(
            f"{self.title} pipeline",
            required=(*(((name,),) for name in (*names, *configs)), *tokenizers),
            weights=(weights,),
            optional=tuple(f"{part}/{name}" for part in self.tokenizers for name in TOKENIZER_SETTINGS),
        )


_PROJECTED = "CLIPTextModelWithProjection"
_XL_ENCODERS = {"text_encoder": "CLIPTextModel", "text_encoder_2": _PROJECTED}
_SD3_ENCODERS = {"text_encoder": _PROJECTED, "text_encoder_2": _PROJECTED}
_TWO_TOKENIZERS = {"tokenizer": TOKENIZER, "tokenizer_2": TOKENIZER}
_OF_IP_ADAPTERS = ("image_encoder", "feature_extractor")

# Shares are of the published parameters. What is taken beside the weights was measured for Stable Diffusion 1.4 alone
# (docs/profiles.md); for 1024 px it is a guess from the fourfold area.
FAMILIES = {
    "stable-diffusion": Family(
        "Stable Diffusion",
        "StableDiffusionPipeline",
        "unet",
        {"text_encoder": "CLIPTextModel"},
        {"tokenizer": TOKENIZER},
        largest_part=0.81,
        linear=0.25,
        quantized=("unet",),
        working_gb=2.0,
        absent=("safety_checker", "feature_extractor", "requires_safety_checker"),
    ),
    "sdxl": Family(
        "Stable Diffusion XL",
        "StableDiffusionXLPipeline",
        "unet",
        _XL_ENCODERS,
        _TWO_TOKENIZERS,
        largest_part=0.74,
        linear=0.64,
        quantized=("unet",),
        working_gb=6.0,
        absent=_OF_IP_ADAPTERS,
        partial=(
            "The swap is partial: a seat replaces the first of two text encoders of Stable Diffusion XL, ViT-L/14. The "
            "second, OpenCLIP bigG/14, and its pooled embedding stay the original's."
        ),
        vae_in_float32=True,
    ),
    "sd3": Family(
        "Stable Diffusion 3",
        "StableDiffusion3Pipeline",
        "transformer",
        {**_SD3_ENCODERS, "text_encoder_3": "T5EncoderModel"},
        {**_TWO_TOKENIZERS, "tokenizer_3": _T5_TOKENIZER},
        largest_part=0.62,
        linear=0.86,
        quantized=("transformer", "text_encoder_3"),
        working_gb=6.0,
        absent=_OF_IP_ADAPTERS,
        partial=(
            "The swap is partial: a seat replaces the first of three text encoders of Stable Diffusion 3, ViT-L/14. "
            "OpenCLIP bigG/14 and T5-XXL stay the original's."
        ),
    ),
    "sd3-without-t5": Family(
        "Stable Diffusion 3",
        "StableDiffusion3Pipeline",
        "transformer",
        _SD3_ENCODERS,
        _TWO_TOKENIZERS,
        largest_part=0.69,
        linear=0.68,
        quantized=("transformer",),
        working_gb=6.0,
        absent=("text_encoder_3", "tokenizer_3", *_OF_IP_ADAPTERS),
        partial=(
            "The swap is partial: a seat replaces the first of two text encoders of Stable Diffusion 3, ViT-L/14. "
            "OpenCLIP bigG/14 stays the original's; T5-XXL is left out."
        ),
    ),
}


def pipeline_files(family: str, dtype: str) -> CheckpointFiles:
    """The files of a pipeline that are read for weights in `dtype` (torch's name)."""
    return replace(FAMILIES[family].files, half=dtype != "float32")
