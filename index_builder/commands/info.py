"""`info`: says what a gallery and its indexes hold."""

import json

from ..options import InfoOptions as Options

SUMMARY = "Says what a gallery and its indexes hold, where it comes from, and how good the indexes are."
EXAMPLES = """
  {program} zoo/index --profile emoji
  {program} my/index --gallery my/gallery --profile emoji --json
"""


def run(options: Options) -> int:
    from ..maintenance.info import describe_all, summary
    from ..workspace import describe

    about = describe_all(describe(options))
    print(json.dumps(about, indent=2, ensure_ascii=False) if options.json else summary(about))
    return 0
