"""Makes the embedded zoo from nothing: gallery, CLIP, Safe-CLIPs, LLaVA, Stable Diffusion, judge, index, figures, cards.

    python -m training.zoo [--minutes 9] [--runs runs]

Hours on a CPU. Stopped anywhere, by a time limit or a power cut, it goes on where it was when called again.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from safeclip.profiles import root

from ..engine.cli import RunOptions
from ..engine.recipe import read_recipe
from ..recipes import clip, diffusion, judge, llava, safe_clip, vae
from . import cards, gallery, lexicon
from .publishing import publish, record_of

RECIPES = Path(__file__).parent.parent / "recipes"
INDEX = "IDMap,SQ8"  # a byte a number: the zoo is to stay below 64 MB
ADAPTERS = ("safe-clip", "safe-clip-mixed")


def _train(
    name: str, options: argparse.Namespace, recipe: type, train: Callable[[Any, RunOptions], bool], **changed: Any
) -> Path | None:
    """The folder of a finished run, or None when it is not finished yet. `changed` are keys of the recipe."""
    run = RunOptions(
        recipe=RECIPES / f"{name}.toml",
        out=options.runs / name,
        artwork=options.runs / "artwork",
        minutes=options.minutes,
        workers=1,
        report_every=20,
    )
    return run.out if train(replace(read_recipe(recipe, run.recipe), **changed), run) else None


def train_models(options: argparse.Namespace, zoo: Path) -> bool:
    """Train what is unfinished; returns whether everything is trained and published."""
    run = _train("clip", options, clip.ClipRecipe, clip.train)
    if run is None:
        return False
    publish(run / "model", zoo / "clip", run)
    for name in ADAPTERS:
        run = _train(name, options, safe_clip.SafeClipRecipe, safe_clip.train)
        if run is None:
            return False
        publish(run / "adapter", zoo / name, run)
    run = _train("llava", options, llava.LlavaRecipe, llava.train)
    if run is None:
        return False
    publish(run / "model", zoo / "llava", run)
    if not _train_painter(options, zoo / "stable-diffusion"):
        return False
    run = _train("judge", options, judge.JudgeRecipe, judge.train)
    if run is None:
        return False
    publish(run / "model", zoo / "judge", run, also=[run / cards.METRICS])
    return True


def _train_painter(options: argparse.Namespace, published: Path) -> bool:
    """The autoencoder, then the UNet on its latents, published as one pipeline with a record of each."""
    autoencoder = _train("vae", options, vae.VaeRecipe, vae.train)
    if autoencoder is None:
        return False
    model = str((autoencoder / "model").absolute())  # the recipe's is where the runs are by default
    run = _train("diffusion", options, diffusion.DiffusionRecipe, diffusion.train, vae=model)
    if run is None:
        return False
    publish(run / "model", published, run, weights="unet")
    record_of(autoencoder).write(published / "vae")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of artwork and training states")
    parser.add_argument("--minutes", type=float, help="end each training slice after so many minutes")
    options = parser.parse_args()
    zoo = root() / "zoo"
    if not list((zoo / "gallery" / "data").glob("*.parquet")):
        gallery.build(zoo / "gallery", options.runs / "artwork")
    lexicon.write(zoo / "lexicon.json")
    if not train_models(options, zoo):
        print("The zoo is not finished; call again to go on.", file=sys.stderr)
        return 75  # EX_TEMPFAIL
    work = ["--work", str(options.runs / "evaluate-generation")]
    for module, *more in (
        ("index_builder", "--factory", INDEX),
        ("training.evaluation.retrieval",),
        ("training.evaluation.captioning",),
        ("training.evaluation.generation", *work),
    ):
        subprocess.run([sys.executable, "-m", module, "--profile", "emoji", *more], check=True)
    cards.write_all(zoo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
