"""`duplicates`: lists images that are almost the same."""

from ..options import DuplicatesOptions as Options

SUMMARY = "Lists pairs of images that are almost the same, by the hash of their pixels and by their embeddings."
EXAMPLES = """
The pairs are written to duplicates.jsonl beside the indexes; `remove` takes the ids of those that are to go.

  {program} my/index --gallery my/gallery --profile emoji --bits 2 --near 0.98
"""


def run(options: Options) -> int:
    from ..maintenance.duplicates import list_duplicates
    from ..progress import BuildProgress
    from ..workspace import open_workspace

    with open_workspace(options) as work:
        path, text = list_duplicates(work, options.bits, options.near, BuildProgress(quiet=options.quiet))
    print(f"{text}: {path}" if path.exists() else text)
    return 0
