"""`safeclip-train export`: merges a trained adapter into its base, for other libraries to load.

    safeclip-train export my/safe-clip --to open_clip --out my/safe-open-clip

transformers: a whole CLIP. open_clip: a folder for "local-dir:FOLDER". diffusers: text_encoder/ and tokenizer/, for a
Stable Diffusion that was trained with the base's text encoder; Stable Diffusion 2 has --layers 23 of ViT-H/14's 24.
Weights stay in float32. A card, README.md, lies beside them: the folder is ready for `hf upload OWNER/NAME FOLDER`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError
from safeclip.runtime.checkpoint_names import locate

from ..engine.options import from_one
from ..evaluation.command import guarded
from ..model_card import CARD, adapter_config, card
from ..models.encoder_kind import SIGLIP, kind_of, named_here
from ..run_files import ADAPTER_FOLDER
from .layouts import DIFFUSERS, LAYOUTS, TRANSFORMERS, write_diffusers

PROGRAM = "safeclip-train export"


def build_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """The arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=program, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write; it must be empty or absent")
    parser.add_argument("--to", choices=LAYOUTS, default=TRANSFORMERS, help="library that is to load it")
    parser.add_argument("--base", help="checkpoint that the adapter is of (default: the one that it names)")
    parser.add_argument("--license", default="other", help="licence of the model, as the hub spells it")
    parser.add_argument(
        "--layers",
        type=from_one,
        metavar="N",
        help="for diffusers: layers of the text encoder, num_hidden_layers in the pipeline's text_encoder/config.json",
    )
    parser.add_argument("run", type=Path, help="folder of a run, or of an adapter")
    return parser


def export(
    run: Path, layout: str, out: Path, base: str | None = None, *, license: str = "other", layers: int | None = None
) -> None:
    """Writes the merged model and its card. Raises CheckpointError without an adapter, or when `out` holds something.

    A SigLIP has the layout of transformers alone, and `layers` of the text tower are chosen for diffusers alone.
    """
    if layers and layout != DIFFUSERS:
        raise CheckpointError(f"--layers is for --to {DIFFUSERS}, whose pipelines read fewer layers of some towers.")
    adapter = run / ADAPTER_FOLDER if (run / ADAPTER_FOLDER).is_dir() else run
    config = adapter_config(adapter)
    base = named_here(base) if base else config.get("base_model_name_or_path")
    if not base:
        raise CheckpointError(f"{adapter}: the adapter does not name its base; name it with --base.")
    if out.exists() and not out.is_dir():
        raise CheckpointError(f"{out}: this is a file; choose a folder for --out.")
    if out.is_dir() and any(out.iterdir()):
        raise CheckpointError(f"{out}: the folder is not empty; choose another --out.")
    kind = kind_of(base)
    if kind == SIGLIP and layout != TRANSFORMERS:
        raise CheckpointError(f"{base}: a SigLIP is exported for transformers alone; choose --to {TRANSFORMERS}.")
    chosen = LAYOUTS[layout]
    encoder = Encoder.from_pretrained(locate(base), adapter, device="cpu", kind=kind)
    if layers:
        write_diffusers(encoder, out, layers)
    else:
        chosen.write(encoder, out)
    text = card(run, base, library=layout, license=license, use=chosen.use.format(folder=out.name))
    (out / CARD).write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    """Runs the command. Returns the exit status."""
    options = build_parser(program).parse_args(argv)

    def action() -> None:
        export(options.run, options.to, options.out, options.base, license=options.license, layers=options.layers)
        print(f"{options.out} is a model for {options.to}.")

    return guarded(program, action)
