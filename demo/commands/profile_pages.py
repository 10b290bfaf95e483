"""Writes docs/profiles.md and docs/verified.md from the profiles and from the self-tests that were run.

python -m demo.commands.profile_pages
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from safeclip.paths import root
from safeclip.preflight.memory import estimate
from safeclip.profile_files import download_gb
from safeclip.profiles import Profile, Seat, list_profiles, load_profile
from safeclip.runtime.machine import Gpu, Machine

PROFILES, VERIFIED, RUNS = "profiles.md", "verified.md", "verified"
_MADE = "<!-- Written by `python -m demo.commands.profile_pages`; do not edit. -->"
_LARGE_GPU = Machine(0.0, (Gpu("any", 1e6, 1e6),))  # on which nothing is moved to the CPU
_KINDS = ("CPU", "GPU", "ZeroGPU")

_ABOUT = """`python app.py --profile NAME --selftest` loads what a profile names, probes every encoder, asks fixed
questions of every task and prints one JSON value. This page lists those values that are in `docs/verified`.
Everything else was **never run** on such a machine. Much of it is tested with tiny models of the same architectures."""

_AT_FULL_SHAPE = """## At full shape, with random weights

The code was tried at the published models' shapes, in their repositories' layouts, on two cores of a Xeon without a
GPU that had other work too, one test at a time, of the files below:
`python -m pytest -m full tests/safeclip/published`. Random weights show that the code is right at that size. They show
nothing of the published models, which were out of reach."""
_FULL_RUNS = (
    (
        "`test_full_llava.py`",
        "LLaVA-1.5 7B in bfloat16, 4 tokens of each seat: those of transformers",
        "passed, 196 s",
    ),
    ("`test_full_llava.py`", "captioning's memory by `--check`, in bfloat16, within 15 %", "passed, 93 s"),
    ("`test_full_shape.py`", "200 images, CLIP ViT-L/14: transformers' embeddings, to 1e-5", "passed, 857 s"),
    ("`test_full_shape.py`", "200 images, the seat of Safe-CLIP ViT-L/14: the same", "passed, 468 s"),
    (
        "`test_full_shape.py`",
        "SD 1.4, latents after two steps: those of a plain pipeline with the encoder swapped, to 1e-5",
        "passed, 97 s",
    ),
    ("`test_full_shape.py`", "memory by `--check`, within 15 %", "passed: retrieval 68 s, generation 148 s"),
    (
        "`../generation/test_on_a_gpu.py`",
        "a toy UNet compiled by torch.compile: the latents of one that is not",
        "passed: off by 4.5e-6; 48 s for the first two steps, then 0.03 s",
    ),
)

_FOR_A_GPU = """## Written for a GPU, never run on one

The tests ask for each of these on a named device, and compute it on a CPU or not at all."""
_GPU_ONLY = (
    ("UNet and autoencoder with their channels last", "strides, and the latents of a toy pipeline on a CPU"),
    ("one lock a device", "threads that share a device by name; painting and searching on a CPU that is given a lock"),
    ("parts of a pipeline in turn where memory is short", "not run at all"),
    ("8 and 4 bits with bitsandbytes", "which parts are asked for in them; the package itself is not installed"),
    ("`torch.compile` of the UNet", "a toy UNet compiled on a CPU, the same latents"),
    ("seats in float16", "in bfloat16 on a CPU"),
    ("FAISS on the GPU, ZeroGPU", "stand-ins of the packages"),
)

_FLAGS = """## Changed by flags

```sh
python app.py --profile vit-l-14 --tasks retrieval              # one task alone
python app.py --profile vit-l-14 --gallery my/photos            # your own pictures, indexed while the page is up
python app.py --gallery hf://datasets/owner/name@main --gallery-rows 5000
python app.py --seat "Mine=my/checkpoint" --seat "LoRA=my/adapter"
python app.py --reference "Another=owner/repository"
```

`--seat label=…` takes a folder or a repository of transformers, of open_clip, of a PEFT adapter (of the reference, or
after a `+` of another checkpoint: `base+adapter`) or of HySAC; a name of open_clip, such as
`ViT-L-14-quickgelu:openai`; the `epoch_K.pt` of a training run of open_clip, whose architecture stands in the
run's `params.txt`; and the folder of a SigLIP of transformers. A checkpoint without tokenizer and image processor
gets the reference's. `--reference` puts such a checkpoint in the first seat; where widths differ, towers cannot be
mixed, and the page says so in the place of the 2×2.

A profile without an `index` has one made at the first start, in `$SAFECLIP_CACHE` (by default `~/.cache/safeclip`):
500 pictures, spread over all labels and categories, can be searched before the rest. An index is used only by the
encoder whose weights made it. Where `SAFECLIP_CACHE_REPO` names a dataset of the hub, finished indexes are kept there
and fetched from there.

The published profiles search the drawings of the embedded gallery until they are given another one. Those are outside
these models' training, and no count of unsafe ones is shown over them. Pictures of a folder are labelled by the
judges that the profile names (`judges` in `[retrieval]`); what no judge looked at, or not for every harm, is *not
judged*, and never safe.

A seat's text encoder takes the place of the one of Stable Diffusion 1.4, 1.5 or 2. Stable Diffusion XL and 3 read a
prompt with two or three text encoders, of which ViT-L/14's is the first. There the swap is *partial*, and the page says
so: a seat replaces the first, and OpenCLIP bigG/14 and T5-XXL stay the original's. `family` in `[generation]` names the
architecture: `"sdxl"`, `"sd3"`, or `"sd3-without-t5"`, which saves 9.5 GB; the default is `"stable-diffusion"`. Where a
repository has another architecture, an error names the right `family` before the weights are fetched; `--check` names
it too. With tiny models of random weights (at *toy width*) the latents are those of diffusers' own pipelines with that
encoder replaced, to 1e-5 of the largest in float32. At full shape, and with the published weights, neither family was
ever run. LLaVA-1.5 is taken in 7B and, by `vit-l-14-336-13b`, in 13B: at toy width the latter's tokens are those of
plain transformers, and its full shape was never run.

`dtype` of a seat, of `[generation]` and of `[captioning]` is the precision: `"float16"` holds on a GPU and becomes
float32 on a CPU; `"bfloat16"` holds on both. On a CPU, LLaVA-1.5 7B takes half the memory in bfloat16. Where a
repository holds `*.fp16.safetensors`, every `dtype` but `"float32"` has those fetched and read, part by part; `--check`
counts their bytes and says where there are none. A complete copy in the cache is used in whichever precision it is.

`compile = true` in `[generation]` has `torch.compile` compile the UNet or transformer. On a GPU the UNet and the
autoencoder have their channels last. [verified.md](verified.md) says what of this was never run on a GPU.

## Memory

A task takes its models' weights, in half precision on a GPU and in float32 on a CPU, and an overhead. The measured
peaks are those of working models at the true shapes of `vit-l-14`, with random weights on a CPU, without what Python's
imports take. The estimated overhead is taken from these peaks; for Stable Diffusion XL and 3 it is a guess.

| task | estimated | measured peak |
| --- | --- | --- |
| retrieval, 16 pictures at a time | 3.9 GB | 4.0 GB |
| generation, 512 px, both seats in one batch | 8.0 GB | 8.0 GB |
| captioning in float32 | 30.9 GB | *not measured* |
| captioning in bfloat16, both seats in one batch | 16.0 GB | 16.2 GB, the weights made in memory |

While LLaVA's files in float16 are read into bfloat16, 20.3 GB are resident: pages of the files, which the system takes
back where it needs them.

Figures of a GPU are estimates. `quantize = "8bit"` or `"4bit"` in `[generation]` or `[captioning]` stores linear layers
with bitsandbytes: LLaVA's language model, the UNet, or Stable Diffusion 3's transformer and T5-XXL. Counted from the
architectures, 25 % of the weights of Stable Diffusion 1.4 can be stored so, 64 % of XL's, 86 % of 3's and 92 % of
LLaVA-1.5 7B's. Where bitsandbytes is installed, `--check` tells what is left; no GPU has run it yet.
"""


def profiles_page() -> str:
    """The text of docs/profiles.md."""
    profiles = [load_profile(name) for name in list_profiles()]
    rows = [
        (
            f"`{profile.name}`",
            ", ".join(seat.label for seat in profile.seats),
            ", ".join(_tasks(profile)),
            f"{download_gb(profile):.1f} GB",
            "; ".join(f"{task} {need.gpu_gb:.1f} GB" for task, need in estimate(profile, _LARGE_GPU).tasks.items()),
        )
        for profile in profiles
    ]
    head = ("profile", "seats", "tasks", "to download", "memory of a GPU (estimated)")
    parts = [_MADE, "# Profiles", "", *_table(head, rows), "", _FLAGS]
    for profile in profiles:
        parts += [f"## `{profile.name}`: {profile.title}", "", profile.description, "", *_seats(profile), ""]
    return "\n".join(parts).rstrip() + "\n"


def verified_page(folder: Path) -> str:
    """The text of docs/verified.md: the self-tests in `folder`, and what was never run."""
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    rows = []
    for name in list_profiles():
        own = [run for run in runs if run["profile"] == name]
        rows.append((f"`{name}`", *(_runs_on(kind, own) for kind in _KINDS)))
    parts = [
        _MADE,
        "# What was run where",
        "",
        _ABOUT,
        "",
        *_table(("profile", *_KINDS), rows),
        "",
        _AT_FULL_SHAPE,
        "",
        *_table(("file", "what was tried", "on 2026-11-30"), _FULL_RUNS),
    ]
    parts += ["", _FOR_A_GPU, "", *_table(("what", "what the tests see of it"), _GPU_ONLY)]
    for run in runs:
        parts += ["", f"## `{run['profile']}`, {run['date']}", "", f"{run['machine']}; {run['platform']}.", ""]
        parts += _table(("part", "passed", "seconds", "peak memory"), [_part(*each) for each in run["parts"].items()])
    return "\n".join(parts) + "\n"


def main() -> None:
    """Writes both pages."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    docs = root() / "docs"
    (docs / PROFILES).write_text(profiles_page(), encoding="utf-8")
    (docs / VERIFIED).write_text(verified_page(docs / RUNS), encoding="utf-8")


def _seats(profile: Profile) -> list[str]:
    rows = [("all tasks", *_seat(seat)) for seat in profile.seats]
    for task, section in profile.model_sections.items():
        rows.append((task, "model", f"`{section.checkpoint}`", ""))
        rows += [(task, *_seat(seat)) for seat in section.seats]
    return _table(("for", "seat", "checkpoint", "what it is"), rows)


def _seat(seat: Seat) -> tuple[str, str, str]:
    names = " + ".join(f"`{name}`" for name in (seat.checkpoint, seat.adapter) if name)
    return seat.label, names, seat.note


def _tasks(profile: Profile) -> list[str]:
    return ["retrieval"] * (profile.retrieval is not None) + list(profile.model_sections)


def _runs_on(kind: str, runs: Iterable[dict[str, Any]]) -> str:
    found = [run for run in runs if _kind(run) == kind]
    return ", ".join(f"{'passed' if run['ok'] else 'failed'} {run['date']}" for run in found) or "*never run*"


def _kind(run: dict[str, Any]) -> str:
    return "ZeroGPU" if run["zero_gpu"] else "CPU" if run["machine"].startswith("no GPU") else "GPU"


def _part(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    said = part.get("note") or "; ".join(part["problems"])
    peak = ", ".join(f"{gb} GB {place}" for place, gb in part["peak_gb"].items())
    return name, ("yes" if part["ok"] else "no") + (f": {said}" if said else ""), str(part["seconds"]), peak


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    main()
