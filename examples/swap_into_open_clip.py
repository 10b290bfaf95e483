"""Writes a Safe-CLIP as a folder that open_clip loads.

    python -m examples.swap_into_open_clip --out runs/safe-open-clip

Then `open_clip.create_model_and_transforms("local-dir:runs/safe-open-clip")` and
`open_clip.get_tokenizer("local-dir:runs/safe-open-clip")` give the model, its transforms and its tokenizer.
The defaults are the embedded models. With the published one:
--clip aimagelab/safeclip_vit-l_14 --adapter "" --processor openai/clip-vit-large-patch14
"""

import argparse
from pathlib import Path

from safeclip import Encoder
from training.export.layouts import write_open_clip


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clip", default="zoo/open-clip")
    parser.add_argument("--adapter", default="zoo/open-safe-clip-mixed")
    parser.add_argument("--processor", default="", help="the CLIP with the tokenizer of a --clip that has none")
    options = parser.parse_args(argv)
    encoder = Encoder.from_pretrained(options.clip, options.adapter, processor=options.processor)
    write_open_clip(encoder, options.out)  # `safeclip-train export --to open_clip` writes it with a card


if __name__ == "__main__":
    main()
