"""Indexes a folder of images, and searches it with every seat of a profile.

    python -m examples.search_your_images my/images "a dog on the beach" --work my/search

Called again, it embeds only the images that are new. An installed package has the same commands as `safeclip-index`.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import safeclip
from index_builder.cli import main as index
from safeclip.profiles import RetrievalSpec, load_profile


def open_lab(images: Path, work: Path, profile: str = "emoji") -> safeclip.Lab:
    """A lab whose retrieval searches a folder of images; gallery and index are made inside `work`.

    Raises RuntimeError when the images cannot be read or indexed; the index builder has printed why.
    """
    gallery, built = work / "gallery", work / "index"
    for command in (
        ["import", images, gallery],
        ["build", "--profile", profile, "--gallery", gallery, "--output", built, "--quiet"],
    ):
        if index([str(word) for word in command]) != 0:
            raise RuntimeError(f"{images} could not be indexed.")
    spec = RetrievalSpec(gallery=str(gallery.absolute()), index=str(built.absolute()))
    return safeclip.open(replace(load_profile(profile), retrieval=spec))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("query")
    parser.add_argument("--work", type=Path, required=True, help="where the gallery and its index are kept")
    parser.add_argument("--profile", default="emoji")
    options = parser.parse_args(argv)
    found = open_lab(options.images, options.work, options.profile).retrieval.compare(options.query, k=3)
    for seat, answer in found.items():
        print(seat, *(f"{hit.score:.2f} {hit.item.caption or hit.id}" for hit in answer.hits), sep="\n  ")


if __name__ == "__main__":
    main()
