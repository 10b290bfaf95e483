"""The repositories of the profile vit-l-14 at toy width, in their real layouts and file names."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from safeclip.encoders.formats.open_clip_names import translated_config
from tests.safeclip.published.test_published import ORIGINAL, SAFE, TINY, write_clip
from tests.safeclip.published.test_published_llava import CLIP_336, LLAVA, SAFE_336, as_published
from tests.safeclip.published.test_published_stable_diffusion import STABLE_DIFFUSION, write_stable_diffusion
from training.models.open_clip_layout import open_clip_weights

REPOSITORIES = (ORIGINAL, SAFE, CLIP_336, SAFE_336, STABLE_DIFFUSION, LLAVA)


def write_published(root: Path, make) -> dict[str, Path]:
    """Writes all repositories below `root`; returns their folders by name. `make` is the fixture of that name."""
    original = write_clip(root / ORIGINAL, TINY, 0, processor=True)
    write_stable_diffusion(root / STABLE_DIFFUSION, original)
    as_of_2022(original)
    add_open_clip_copy(write_clip(root / SAFE, TINY, 1, processor=False))
    tower = write_clip(root / CLIP_336, TINY, 2, processor=True, image_size=336)
    write_clip(root / SAFE_336, TINY, 3, processor=False, image_size=336)
    llava = make.llava(root / LLAVA, tower)
    weights = {as_published(name): each.half() for name, each in load_file(llava / "model.safetensors").items()}
    shard(llava, weights, 3)
    write_half(root / STABLE_DIFFUSION / "unet" / "diffusion_pytorch_model.safetensors")
    for name in ("v1-4.ckpt", "safety_checker/model.safetensors", "safety_checker/model.fp16.safetensors"):
        unread = root / STABLE_DIFFUSION / name
        unread.parent.mkdir(exist_ok=True)
        unread.write_bytes(b"more than is needed")
    return {name: root / name for name in REPOSITORIES}


def write_half(file: Path) -> None:
    """Writes weights in half precision beside a file in single precision, as repositories publish both."""
    weights = {name: each.half() for name, each in load_file(file).items()}
    save_file(weights, file.with_suffix(".fp16.safetensors"), {"format": "pt"})


def as_of_2022(folder: Path) -> None:
    """Weights as a pickle alone, two tables of settings for each tower, and sizes as single numbers."""
    weights = {name: each.float() for name, each in load_file(folder / "model.safetensors").items()}
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    for name in ("tf_model.h5", "flax_model.msgpack"):
        (folder / name).write_bytes(b"of another framework")
    config = json.loads((folder / "config.json").read_text())
    config |= {f"{tower}_config_dict": config[f"{tower}_config"] for tower in ("text", "vision")}
    (folder / "config.json").write_text(json.dumps(config))
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    side = settings["crop_size"]["height"]
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"crop_size": side, "size": side}))


def add_open_clip_copy(folder: Path) -> None:
    """open_clip's copy of the weights beside those of transformers, as Safe-CLIP's repository has it."""
    torch.save(open_clip_weights(load_file(folder / "model.safetensors")), folder / "open_clip_pytorch_model.bin")
    config = translated_config(json.loads((folder / "config.json").read_text()), str(folder))
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))


def shard(folder: Path, weights: dict[str, torch.Tensor], count: int) -> None:
    """Splits weights into model-00001-of-0000N.safetensors with their index."""
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    index = {}
    for i in range(count):
        file = f"model-{i + 1:05d}-of-{count:05d}.safetensors"
        part = {name: weights[name] for name in names[i::count]}
        save_file(part, folder / file, {"format": "pt"})
        index |= dict.fromkeys(part, file)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)


def world(root: Path, gallery: Path) -> Path:
    """A root for relative paths whose zoo holds this gallery alone, as the published profiles name it."""
    (root / "zoo").mkdir(parents=True)
    shutil.copytree(gallery, root / "zoo" / "open-gallery")
    return root
