"""`push`: publishes a gallery and its indexes on the hub."""

from ..errors import BuildError
from ..options import PushOptions as Options

SUMMARY = "Publishes a gallery and its indexes as a dataset repository of the Hugging Face hub, with a card."
EXAMPLES = """
The repository is private unless --public is given. Log in first, with `hf auth login`, or set HF_TOKEN.

  {program} me/my-gallery --gallery my/gallery --profile emoji --output my/index --dry-run
"""


def run(options: Options) -> int:
    from ..maintenance.publishing import check, push
    from ..progress import BuildProgress
    from ..workspace import describe

    if not options.repository:
        raise BuildError("Give the repository: push OWNER/NAME.")
    work = describe(options)
    if options.dry_run:
        print(check(work, options.repository))
    else:
        print(push(work, options.repository, public=options.public, log=BuildProgress().log))
    return 0
