"""`safeclip-train quadruplets`: makes quadruplets from safe captions and their images, as the paper made ViSU.

    safeclip-train quadruplets pipeline.toml --out my/quadruplets

Tunes a causal language model on your pairs (SFT, then DPO), writes an unsafe text for each safe one, filters them,
paints each, and keeps an image when a judge fires. The folder is then a source of quadruplets for training. Given
again, the command goes on where it was stopped. What the policy refuses is never stored; report.json counts it.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from safeclip.hashing import json_sha256
from safeclip.runtime.atomic_files import write_atomically
from safeclip.runtime.devices import as_device
from safeclip.schema import parse, read_table

from ..data.quadruplets.folder import UNDIVIDED
from ..engine.device import dtype_of
from ..engine.origin import check_origin
from ..evaluation.command import guarded
from .filters import TextFilters
from .images import FOLDER, ImageMaker, image_name, make_images
from .language_model import Writer
from .rows import KEPT, Decision, DecisionLog, Pair, Source, read_corpus, read_pairs
from .spec import PipelineSpec
from .texts import write_texts
from .tuning import tune

PROGRAM = "safeclip-train quadruplets"
REPORT = "report.json"
ORIGIN = "origin.json"  # the pipeline that a folder was made by


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pipeline", type=Path, help="TOML file of the pipeline")
    parser.add_argument("--out", type=Path, required=True, help="folder of everything that it makes")
    parser.add_argument("--device", help="torch's name of a device (default: the GPU when there is one)")
    return parser


def run(spec: PipelineSpec, out: Path, device: str | None = None) -> dict:
    """Runs the pipeline; returns the report, which is also written to `report.json`."""
    dtype_of(spec.model.precision, "model.precision")  # a wrong one is said before anything is loaded
    pairs, left_out = read_pairs(spec.pairs, spec.categories)
    _require_same(spec, pairs, out)
    sources, dropped = read_corpus(spec.corpus, spec.categories)
    filters = TextFilters(spec.filters, device)
    maker = ImageMaker(spec.images, device) if spec.images else None  # what it lacks is said before hours of tuning
    adapter = tune(spec, pairs, filters, out, as_device(device))
    writer = Writer.load(spec.model, adapter, as_device(device))
    texts = write_texts(spec, sources, writer, filters, out)
    report = {
        "pairs": {"used": len(pairs), **left_out},
        "corpus": {"rows": len(sources) + len(dropped), "dropped": _outcomes(dropped)},
        "texts": {
            "outcomes": texts.outcomes(),
            "written": sum(each.written for each in texts.by_id.values()),
            "refused": sum(each.refused for each in texts.by_id.values()),
            "survived": texts.survived(),
            "filters": {"judge": filters.judge.name, "similarity": spec.filters.similarity},
        },
    }
    if maker is not None:
        kept = {id: each.unsafe_text for id, each in texts.by_id.items() if each.outcome == KEPT}
        images = make_images(kept, maker, out)
        fired = Counter(name for each in images.by_id.values() for name in each.fired)
        report["images"] = {
            "outcomes": images.outcomes(),
            "kept_by": {name: fired.get(name, 0) for name in maker.judges},
            "made": sum(each.written for each in images.by_id.values()),
        }
        report["quadruplets"] = write_table(sources, texts, images, safe_images(spec), out)
    write_atomically(out / REPORT, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return report


def _require_same(spec: PipelineSpec, pairs: Sequence[Pair], out: Path) -> None:
    """Notes what decides a folder's texts and images. Raises CheckpointError where it was made by something else.

    The corpus is not part of it: a row is known by its content.
    """
    keys = {key: repr(value) for key, value in asdict(spec).items() if key not in ("corpus", "corpus_images", "pairs")}
    keys["pairs"] = json_sha256([asdict(pair) for pair in pairs])
    kept = out / ORIGIN
    if kept.is_file():
        check_origin(out, json.loads(kept.read_text(encoding="utf-8")), keys)
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, (json.dumps(keys, indent=2) + "\n").encode())


def safe_images(spec: PipelineSpec) -> Path:
    """The folder that the paths of the corpus' images start from."""
    return Path(spec.corpus_images).expanduser() if spec.corpus_images else Path(spec.corpus).parent


def write_table(sources: Sequence[Source], texts: DecisionLog, images: DecisionLog, folder: Path, out: Path) -> int:
    """Writes `quadruplets.jsonl`, which `[data.folder]` reads; returns its number of rows.

    Safe images stay where they are: their paths are written relative to the folder.
    """
    rows = []
    for source in sources:
        text, image = texts.by_id.get(source.id), images.by_id.get(source.id)
        if source.image and text and image and image.outcome == KEPT:
            safe = os.path.relpath((folder / source.image).absolute(), out.absolute())
            rows.append(
                {
                    "text": source.text,
                    "unsafe_text": text.unsafe_text,
                    "image": safe,
                    "unsafe_image": f"{FOLDER}/{image_name(source.id)}",
                    "category": source.category,
                }
            )
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_atomically(out / f"{UNDIVIDED}.jsonl", content.encode())
    return len(rows)


def _outcomes(decisions: Sequence[Decision]) -> dict[str, int]:
    return dict(Counter(each.outcome for each in decisions).most_common())


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)

    def action() -> None:
        spec = parse(PipelineSpec, read_table(options.pipeline, "pipeline"), file=options.pipeline)
        print(json.dumps(run(spec, options.out, options.device), indent=2, ensure_ascii=False))

    return guarded(program, action)
