"""`import`: makes a gallery from a folder of images."""

from dataclasses import asdict

from ..errors import BuildError
from ..options import ImportOptions as Options

SUMMARY = "Writes a folder of images, with their captions where there are any, as a gallery that `build` indexes."
EXAMPLES = """
The caption of an image stands in a .txt file of the same name beside it, or in captions.jsonl at the top of the
folder: one JSON object a line with "file_name" and "caption", and if wanted "unsafe", "category" and others.

  {program} my/images my/gallery --license cc-by-4.0
"""


def run(options: Options) -> int:
    from ..sources.folder import ingest

    if not options.folder or not options.gallery:
        raise BuildError("Give the folder of images and the gallery to make: import FOLDER GALLERY.")
    counts = ingest(options.folder, options.gallery, license=options.license, max_side=options.max_side)
    print(", ".join(f"{value:,} {key.replace('_', ' ')}" for key, value in asdict(counts).items()))
    return 0
