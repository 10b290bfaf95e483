"""`add`: takes further images into a gallery and its indexes."""

from ..errors import BuildError
from ..options import AddOptions as Options

SUMMARY = "Takes further images into a gallery and its indexes, and embeds only those."
EXAMPLES = """
The indexes keep the kind, and where they are trained the training, of the last build.

  {program} more/images --gallery my/gallery --profile emoji --output my/index
"""


def run(options: Options) -> int:
    from ..build import build
    from ..maintenance.continuing import continued
    from ..progress import BuildProgress
    from ..report import summary

    if not options.sources:
        raise BuildError("Give a source of images: add SOURCE.")
    print(summary(build(continued(options), BuildProgress(quiet=options.quiet))))
    return 0
