"""Makes the embedded zoo from nothing: gallery, CLIP, both Safe-CLIPs, LLaVA, index, figures and model cards.

    python -m training.zoo [--minutes 9] [--runs runs]

Hours on a CPU. Stopped anywhere, by a time limit or a power cut, it goes on where it was when called again.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from safeclip.profiles import root
from training import clip, llava, safe_clip
from training.cli import RunOptions
from training.recipe import read_recipe
from training.zoo import cards, gallery, lexicon
from training.zoo.publishing import publish

RECIPES = Path(__file__).parent.parent / "recipes"
ADAPTERS = ("safe-clip", "safe-clip-mixed")


def _options(name: str, options: argparse.Namespace) -> RunOptions:
    return RunOptions(
        recipe=RECIPES / f"{name}.toml",
        out=options.runs / name,
        artwork=options.runs / "artwork",
        minutes=options.minutes,
        workers=1,
        report_every=20,
    )


def train_models(options: argparse.Namespace, zoo: Path) -> bool:
    """Train what is unfinished; returns whether everything is trained and published."""
    run = _options("clip", options)
    if not clip.train(read_recipe(clip.ClipRecipe, run.recipe), run):
        return False
    publish(run.out / "model", zoo / "clip", run.out)
    for name in ADAPTERS:
        run = _options(name, options)
        if not safe_clip.train(read_recipe(safe_clip.SafeClipRecipe, run.recipe), run):
            return False
        publish(run.out / "adapter", zoo / name, run.out)
    run = _options("llava", options)
    if not llava.train(read_recipe(llava.LlavaRecipe, run.recipe), run):
        return False
    publish(run.out / "model", zoo / "llava", run.out)
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
    for module in ("index_builder", "training.evaluate", "training.evaluate_captioning"):
        subprocess.run([sys.executable, "-m", module, "--profile", "emoji"], check=True)
    cards.write_all(zoo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
