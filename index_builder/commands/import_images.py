"""`import`: takes the images of a source into a gallery, without indexing them."""

from ..errors import BuildError
from ..options import ImportOptions as Options

SUMMARY = "Takes the images of a source into a gallery, new or existing, which `build` then indexes."
EXAMPLES = """
A source is KIND:PLACE; a folder of images needs no kind. Images that cannot be used, and repeated ones, are listed in
the gallery's quarantine.jsonl with the reason. The same command again goes on where the last one was stopped.

  {program} my/images my/gallery --license cc-by-4.0
  {program} folder:my/images my/gallery --captions captions.csv --unsafe 'nsfw >= 0.5'
"""


def run(options: Options) -> int:
    from ..gallery.importer import import_source
    from ..progress import BuildProgress
    from ..report import import_summary

    if not options.source or not options.gallery:
        raise BuildError("Give the source and the gallery: import SOURCE GALLERY.")
    counts = import_source(options.source, options.gallery, options, BuildProgress(quiet=options.quiet))
    print(import_summary(counts))
    return 0
