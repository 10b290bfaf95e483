"""Makes the embedded zoo from nothing: gallery, CLIP, Safe-CLIPs, Stable Diffusion, judge, LLaVA, index, figures, cards.

    python -m training.zoo [--minutes 9] [--runs runs]

Hours on a CPU. Stopped anywhere, by a time limit or a power cut, it goes on where it was when called again.
"""

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from safeclip.paths import root

from ..cli import UNFINISHED
from ..engine.job import train
from ..engine.options import RunOptions
from ..engine.recipe import BaseRecipe
from ..recipes.registry import find_recipe, load_recipe
from ..recipes.safe_clip import SafeClipRecipe
from . import cards, gallery, lexicon
from .publishing import publish, record_of

EMOJI = ("--profile", "emoji")
GALLERY = "open-gallery"
INDEX = "IDMap,SQ8"  # one byte a number keeps the zoo below its limit of 95 MB
MODELS = (
    "text-tower",
    "text-tower-2",
    "clip",
    "open-vision",
    "open-clip",
    "open-clip-2",
    "open-safe-clip-paper",
    "open-safe-clip",
    "open-safe-clip-mixed",
    "vae",
    "diffusion",
    "judge",
    "llava",
)  # by the names of their recipes
PARTS = ("text-tower", "text-tower-2", "clip", "open-vision", "open-clip")  # of open-clip-2, not published alone
PAPER = "paper=zoo/open-clip+zoo/open-safe-clip-paper"  # a row of the tables that the profile does not seat
RUNS = "runs/"  # begins the paths of recipes that start from another recipe's result


def train_models(options: argparse.Namespace, zoo: Path) -> bool:
    """Trains what is unfinished and publishes each model once it is complete; returns whether all are.

    `options` holds the folder `runs`, and `minutes` for each model, or None.
    """
    for name in MODELS:
        job_type, recipe = load_recipe(find_recipe(name))
        recipe = _moved(recipe, options.runs)
        folders = {"artwork": "artwork", "language": "language", "packed": "open-world"}
        kept = {key: options.runs / folder for key, folder in folders.items()}
        fold = isinstance(recipe, SafeClipRecipe) and not recipe.lora.dropout
        run = RunOptions(options.runs / name, minutes=options.minutes, fold=fold, **kept)
        if not train(job_type, recipe, run):
            return False
        _publish(name, run.out, run.out / job_type.result, zoo)
    return True


def _moved(recipe: BaseRecipe, runs: Path) -> BaseRecipe:
    """The recipe with what it names below the default folder of runs looked for in `runs`."""
    named = {key: getattr(recipe, key) for key in recipe.paths}
    moved = {
        key: str((runs / path.removeprefix(RUNS)).absolute()) for key, path in named.items() if path.startswith(RUNS)
    }
    return replace(recipe, **moved)


def _publish(name: str, run: Path, trained: Path, zoo: Path) -> None:
    """Puts a model into the zoo. Parts wait for the whole: the autoencoder for the UNet, those of open-clip-2 for it."""
    if name == "diffusion":
        publish(trained, zoo / "stable-diffusion", run, weights="unet")
        record_of(run.with_name("vae")).write(zoo / "stable-diffusion" / "vae")
    elif name == "judge":
        publish(trained, zoo / name, run, also=[run / cards.METRICS])
    elif name == "open-clip-2":
        publish(trained, zoo / "open-clip", run, also=[run / cards.METRICS])
        for part in PARTS:
            record_of(run.with_name(part)).write(zoo / "open-clip" / "training" / part)
    elif name not in ("vae", *PARTS):
        publish(trained, zoo / name, run)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of artwork and training states")
    parser.add_argument("--minutes", type=float, help="end each training slice after so many minutes")
    options = parser.parse_args()
    zoo = root() / "zoo"
    if not list((zoo / GALLERY / "data").glob("*.parquet")):
        gallery.build(zoo / GALLERY, options.runs / "artwork")
    lexicon.write(zoo / "lexicon.json")
    if not train_models(options, zoo):
        print("The zoo is not finished; call again to go on.", file=sys.stderr)
        return UNFINISHED
    learnt = ["--packed", str(options.runs / "open-world"), "--language", str(options.runs / "language")]
    painted = ["--artwork", str(options.runs / "artwork"), "--work", str(options.runs / "open-evaluation")]
    for module, *arguments in (
        ("index_builder", *EMOJI, "--factory", INDEX),
        ("training.zoo.concepts", "--language", str(options.runs / "language"), *painted),
        ("training.evaluation.open_world", *EMOJI, "--seats", PAPER, *painted, *learnt),
        ("training.evaluation.open_world.own_gallery", *EMOJI),
        ("training.evaluation.captioning", *EMOJI),
        ("training.evaluation.generation", *EMOJI, "--work", str(options.runs / "evaluate-generation")),
    ):
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)
    cards.write_all(zoo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
