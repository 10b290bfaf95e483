"""`import`: takes the images of a source into a gallery, without indexing them."""

from ..errors import BuildError
from ..options import ImportOptions as Options

SUMMARY = "Takes the images of a source into a gallery, new or existing, which `build` then indexes."
EXAMPLES = """
A source is KIND:PLACE, where KIND is folder, list, parquet, arrow, webdataset, hub or embeddings; a path that tells
what it is needs no kind. Images that cannot be used, and repeated ones, are listed in the gallery's quarantine.jsonl
with the reason. The same command again goes on where the last one was stopped.
Images that the source does not label are judged, each score stored with the judge's name, version and threshold.

  {program} my/images my/gallery --license cc-by-4.0
  {program} folder:my/images my/gallery --captions captions.csv --unsafe 'nsfw >= 0.5'
  {program} my/images my/gallery --judges opennsfw q16 --blocklist hashes.txt --max-side 1024
  {program} hub:OWNER/NAME@REVISION my/gallery --split train --limit 10000
  {program} 'shards/*.tar' my/gallery --caption-column prompt
"""


def run(options: Options) -> int:
    from pathlib import Path

    from ..gallery.importer import import_source
    from ..gallery.judges import open_judges
    from ..measuring.estimates import sample_source
    from ..progress import BuildProgress
    from ..report import import_summary

    if not options.source or not options.gallery:
        raise BuildError("Give the source and the gallery: import SOURCE GALLERY.")
    progress = BuildProgress(quiet=options.quiet)
    judges = open_judges(options.judges, options.profile, progress.log)
    if options.dry_run:
        print(sample_source(options.source, Path(options.gallery), options, judges).text)
        return 0
    counts = import_source(options.source, options.gallery, options, progress, judges)
    print(import_summary(counts))
    return 0
