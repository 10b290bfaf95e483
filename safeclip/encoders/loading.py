"""From what a profile says of a checkpoint to an encoder: which format it has, where it is, who reads it."""

import logging
from pathlib import Path

import torch

from ..errors import CheckpointError
from ..hashing import file_sha256, json_sha256
from ..runtime import hub
from ..runtime.devices import as_device, place
from . import processors, quick_gelu, side_by_side, transformers_format
from .encoder import Encoder

log = logging.getLogger(__name__)


def load(
    checkpoint: str | Path,
    adapter: str | Path | None,
    *,
    device: str | torch.device | None,
    dtype: torch.dtype,
    revision: str | None,
    processor: str | Path | None,
    kind: str,
    traverse: bool,
) -> Encoder:
    """See `Encoder.from_pretrained`, whose work this is."""
    device = as_device(device)
    processors_at = None if processor is None else _directory(processor, hub.CONFIG + hub.PROCESSOR)
    if kind == "hyperbolic":
        encoder = _hyperbolic(checkpoint, revision, processors_at, dtype, traverse)
    elif _is_open_clip(checkpoint):
        from .open_clip_format import read_encoder

        encoder = read_encoder(checkpoint, dtype, revision, processors_at)
    else:
        return _transformers(checkpoint, revision, processors_at, adapter, dtype, device)
    if adapter is not None:
        raise CheckpointError(f"{checkpoint}: an adapter can only be merged into a checkpoint of transformers.")
    encoder.model = place(encoder.model, device)
    return _told(encoder)


def _transformers(
    checkpoint: str | Path,
    revision: str | None,
    processors_at: Path | None,
    adapter: str | Path | None,
    dtype: torch.dtype,
    device: torch.device,
) -> Encoder:
    if hub.is_repository(checkpoint) and not Path(checkpoint).is_dir():
        directory = hub.fetch_clip(checkpoint, revision, processor=processors_at is None)
    else:
        directory = Path(checkpoint)
        if not directory.is_dir():
            raise CheckpointError(f"{directory}: there is no such checkpoint. Correct its path in the profile.")
    model = transformers_format.read_model(directory, dtype)
    processors_at = processors_at or directory
    tokenizer, image_processor = processors.read_processors(processors_at)
    room = model.config.text_config.max_position_embeddings
    hashes = {
        **transformers_format.hashes(directory),
        "tokenizer": processors.tokenizer_hash(processors_at, room),
        "preprocessing": processors.preprocessing_hash(image_processor),
    }
    encoder = Encoder(
        model,
        tokenizer,
        image_processor,
        fingerprint="",
        tokenizer_hash=hashes["tokenizer"],
        preprocessing_hash=hashes["preprocessing"],
        warnings=quick_gelu.doubts(str(checkpoint), transformers_format.read_config(directory)),
    )
    encoder.warnings += tuple(side_by_side.compare(encoder, directory))
    if adapter is not None:
        folder = _directory(adapter, hub.ADAPTER)
        encoder.model = transformers_format.merge_adapter(model, folder).eval().requires_grad_(False)
        hashes["adapter"] = [file_sha256(folder / name) for name in hub.ADAPTER]
    encoder.fingerprint = json_sha256(hashes)
    encoder.model = place(encoder.model, device)
    return _told(encoder)


def _hyperbolic(
    checkpoint: str | Path, revision: str | None, backbone: Path | None, dtype: torch.dtype, traverse: bool
) -> Encoder:
    from .hyperbolic import read_encoder

    directory = _directory(checkpoint, hub.HYPERBOLIC, revision)
    return read_encoder(directory, dtype, backbone or directory, traverse=traverse)


def _directory(name: str | Path, patterns: tuple[str, ...], revision: str | None = None) -> Path:
    if isinstance(name, str) and not Path(name).exists() and hub.is_repository(name):
        return hub.fetch(name, patterns, revision)
    return Path(name)


def _is_open_clip(checkpoint: str | Path) -> bool:
    """By its name, or because its directory holds weights of open_clip's and none of transformers'."""
    if hub.is_open_clip(checkpoint) and not Path(checkpoint).exists():
        return True
    directory = Path(checkpoint)
    if not directory.is_dir() or transformers_format.has_weights(directory):
        return False
    return bool(hub.files_of(directory, hub.OPEN_CLIP_WEIGHTS))


def _told(encoder: Encoder) -> Encoder:
    for warning in encoder.warnings:
        log.warning("%s", warning)
    return encoder
