"""`remove`: takes images out of the indexes, or deletes them for good."""

from ..errors import BuildError
from ..options import RemoveOptions as Options

SUMMARY = "Takes images or captions out of the indexes; with --purge deletes images and all that was made of them."
EXAMPLES = """
Without --purge the gallery keeps the images, and `build --restore` takes them in again. With it their bytes,
thumbnails, captions, embeddings and mentions are deleted, the indexes are built anew without them, no import takes
them again, and all files of the gallery and of the indexes are searched for what may be left.

  {program} 1f0c6d2b9a3e4d57 --profile emoji
  {program} --list sums.txt --purge --gallery my/gallery --profile emoji --output my/index
"""


def run(options: Options) -> int:
    from ..maintenance.removing import remove
    from ..progress import BuildProgress

    if not options.what and not options.list:
        raise BuildError("Say what to remove: ids, sums of images, or --list FILE.")
    print(remove(options, BuildProgress(quiet=options.quiet)))
    return 0
