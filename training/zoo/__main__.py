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
# Recall@10 of the original's pictures, by captions and by pictures, and MB of one index of six: SQ8 99.0, 99.4, 3.2; SQ6 96.3,
# 97.9, 2.4; PCA192,SQ8 98.9, 98.9, 1.9; PQ384x5np 93.4, 95.8, 2.1; PCA192,SQ6 95.6, 96.0, 1.5; SQ4 87.8, 92.4, 1.6. The
# towers are 192 wide, so 192 directions hold all of an embedding.
INDEX = "IDMap,PCA192,SQ8"
TRAINED = {  # folder of a model → the recipes that trained it, in their order; what the last one makes is published
    "open-clip": (
        "text-tower",
        "text-tower-2",
        "clip",
        "open-vision",
        "open-clip",
        "open-clip-2",
        "open-clip-3",
        "open-clip-4",
    ),
    "open-safe-clip-paper": ("open-safe-clip-paper",),
    "open-safe-clip": ("open-safe-clip",),
    "open-safe-clip-mixed": (
        "open-safe-clip-mixed",
        "open-safe-clip-mixed-2",
        "open-safe-clip-mixed-3",
        "open-safe-clip-mixed-4",
        "open-safe-clip-mixed-5",
        "open-safe-clip-mixed-6",
        "open-safe-clip-mixed-7",
        "open-safe-clip-mixed-8",
        "open-safe-clip-mixed-9",
    ),
    "stable-diffusion": (
        "vae",
        "diffusion",
        "open-diffusion",
        "open-diffusion-2",
        "open-diffusion-3",
        "open-diffusion-4",
        "open-diffusion-5",
        "open-diffusion-6",
    ),
    "judge": ("judge", "open-judge", "open-judge-2"),
    "llava": ("llava", "llava-2", "llava-3"),
}
ASKING = TRAINED["open-safe-clip-mixed"][2:]  # ask LLaVA, the last Stable Diffusion too, so they come after them
MODELS = (*(name for names in TRAINED.values() for name in names if name not in ASKING), *ASKING)
FOLDERS = {names[-1]: folder for folder, names in TRAINED.items()}
WEIGHTS = {"open-diffusion-6": "unet", "vae": "vae"}  # subfolders of a pipeline that a recipe made alone
MEASURED = tuple(
    TRAINED[folder][-1] for folder in ("judge", "open-clip")
)  # recipes that leave figures beside their model
PAPER = "paper=zoo/open-clip+zoo/open-safe-clip-paper"  # a row of the tables that the profile does not seat
PAINTED = ("--quadruplets", "25", "--dtype", "bfloat16", "--seats", PAPER)  # as many paintings as an hour allows
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
    """Puts a model into the zoo, with the records of its parts; a part itself waits for the whole."""
    if name not in FOLDERS:
        return
    folder = zoo / FOLDERS[name]
    publish(trained, folder, run, weights=WEIGHTS.get(name, ""), also=[run / cards.METRICS] if name in MEASURED else [])
    for part in TRAINED[FOLDERS[name]][:-1]:
        record_of(run.with_name(part)).write(folder / WEIGHTS.get(part, f"training/{part}"))


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
        ("training.evaluation.captioning", *EMOJI, *painted),
        (
            "training.evaluation.generation",
            *EMOJI,
            *PAINTED,
            "--work",
            str(options.runs / "evaluate-generation"),
        ),
    ):
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)
    cards.write_all(zoo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
