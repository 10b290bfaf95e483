"""The data pipeline end to end on emoji captions: a small Llama pretrained here, and the embedded Stable Diffusion.

    python -m training.quadruplet_pipeline.emoji_proof --out runs/quadruplet-pipeline

Writes pairs and captions of ViSU-Emoji's training split, pretrains the language model on captions, and runs
`safeclip-train quadruplets` on safe captions of the gallery. Prints how many texts survive each filter, how many images
each judge keeps and how many texts were refused. Nothing here is a claim about a real language model.
"""

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from safeclip.paths import root
from safeclip.retrieval.gallery import Gallery
from safeclip.schema import toml_string

from ..data.open_world.items import OpenWorld
from ..evaluation.quadruplets import gallery_pairs
from .command import main as run_pipeline
from .language_model import prompt_of
from .small_llama import pretrain

PIPELINE = """
pairs = "{out}/pairs.jsonl"
corpus = "{out}/corpus/corpus.jsonl"
[model]
checkpoint = "{out}/llama"
r = 16
alpha = 32
dropout = 0.0
[sft]
steps = {sft}
batch_size = 16
learning_rate = 1e-3
[dpo]
steps = {dpo}
batch_size = 8
learning_rate = 1e-4
[writing]
max_new_tokens = 32
batch_size = 32
[filters]
encoder = "zoo/open-clip"
judge = "lexicon:zoo/lexicon.json"
similarity = 0.3
[images]
profile = "emoji"
steps = {steps}
judges = [{judges}]
"""


def write_inputs(out: Path, captions: int, pairs: int, pretraining: int) -> list[str]:
    """Writes pairs and corpus; returns the sentences to pretrain on: captions and answered prompts.

    The pairs are quadruplets of the training split, the corpus safe captions of the gallery with their images. The
    pretraining shows the form of a prompt with the safe caption copied, so that supervised tuning teaches the change.
    """
    quadruplets = OpenWorld(seed=31).distinct_quadruplets(pairs + pretraining)
    rows = [
        {"text": each.safe_caption.text, "unsafe_text": each.unsafe_caption.text, "category": each.category}
        for each in quadruplets[:pairs]
    ]
    (out / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    gallery, folder = Gallery.open(root() / "zoo" / "open-gallery"), out / "corpus"
    folder.mkdir(exist_ok=True)
    lines = []
    for item, _ in gallery_pairs(gallery, captions):
        (folder / f"{item.image_id}.avif").write_bytes(gallery.image_bytes(item.image_id))
        lines.append(json.dumps({"text": item.caption, "image": f"{item.image_id}.avif"}) + "\n")
    (folder / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    rest = quadruplets[pairs:]
    sentences = [caption.text for each in rest for caption in (each.safe_caption, each.unsafe_caption)]
    copied = [f"{prompt_of(each.safe_caption.text, each.category)} {each.safe_caption.text}" for each in rest]
    return sentences + copied


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/quadruplet-pipeline"))
    parser.add_argument("--captions", type=int, default=300, help="safe captions of the corpus")
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--pretraining", type=int, default=4000, help="quadruplets to pretrain on")
    parser.add_argument("--pretraining-steps", type=int, default=1500)
    parser.add_argument("--sft-steps", type=int, default=300)
    parser.add_argument("--dpo-steps", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20, help="of denoising")
    parser.add_argument(
        "--judge",
        action="append",
        help="judges of images (default: scene:zoo/judge, opennsfw, and nudenet where it is installed)",
    )
    options = parser.parse_args()
    out = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    if not (out / "llama" / "config.json").is_file():
        texts = write_inputs(out, options.captions, options.pairs, options.pretraining)
        pretrain(texts, out / "llama", steps=options.pretraining_steps)
    print(f"language model: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    nudenet = ["nudenet"] if find_spec("nudenet") else []
    names = options.judge or ["scene:zoo/judge", "opennsfw", *nudenet]
    judges = ", ".join(toml_string(name) for name in names)
    text = PIPELINE.format(out=out, sft=options.sft_steps, dpo=options.dpo_steps, steps=options.steps, judges=judges)
    (out / "pipeline.toml").write_text(text, encoding="utf-8")
    status = run_pipeline([str(out / "pipeline.toml"), "--out", str(out / "quadruplets")])
    print(f"all: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
