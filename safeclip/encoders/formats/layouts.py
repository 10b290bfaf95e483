"""Files of each checkpoint layout that encoders are read from."""

from dataclasses import replace

from ...runtime.checkpoint_files import CONFIG, IMAGE_PROCESSOR, TOKENIZER, TOKENIZER_SETTINGS, CheckpointFiles

CLIP_PROCESSOR = CheckpointFiles(
    "CLIP processor",
    required=(CONFIG, TOKENIZER, IMAGE_PROCESSOR),
    optional=(*TOKENIZER_SETTINGS, "vocabulary.txt"),
)

CLIP_MODEL = CheckpointFiles(
    "CLIP checkpoint",
    required=(CONFIG,),
    weights=(("model.safetensors",), ("pytorch_model.bin",)),
    hint="Perhaps hf-hub:{name} has some.",
)
CLIP = CLIP_MODEL | CLIP_PROCESSOR
ADAPTER = CheckpointFiles(
    "PEFT adapter", required=((("adapter_config.json",),),), weights=(("adapter_model.safetensors",),)
)

SIGLIP = CheckpointFiles(
    "SigLIP checkpoint",
    required=(CONFIG, (("tokenizer.json",),), IMAGE_PROCESSOR),
    weights=CLIP_MODEL.weights,
    optional=(*TOKENIZER_SETTINGS, "vocabulary.txt"),
)

OPEN_CLIP_CONFIG = "open_clip_config.json"
# Of weights whose architecture the name says: the repository needs no configuration, and may lack a processor.
OPEN_CLIP_WEIGHTS = CheckpointFiles(
    "open_clip checkpoint",
    weights=(("open_clip*.safetensors",), ("open_clip*.bin",), ("open_clip*.pt",), ("open_clip*.pth",)),
    optional=(OPEN_CLIP_CONFIG, *CLIP_PROCESSOR.patterns(())),
    hint="For weights in the transformers format, write {name}.",
)
OPEN_CLIP = replace(OPEN_CLIP_WEIGHTS, required=(((OPEN_CLIP_CONFIG,), *CONFIG),))

HYSAC_BOUNDS = "hysac_bounds.json"
HYSAC = CheckpointFiles(
    "hyperbolic checkpoint", weights=(("hysac_model.safetensors",), ("hysac_model.pth",)), optional=(HYSAC_BOUNDS,)
)


def one_file(name: str) -> CheckpointFiles:
    """The files of an open_clip tag that names its one file of weights."""
    return CheckpointFiles(OPEN_CLIP.what, weights=((name,),))
