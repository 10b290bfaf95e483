"""`compact`: makes the stored embeddings smaller."""

from ..options import CompactOptions as Options

SUMMARY = "Drops embeddings of rows that were removed, merges small shards, and updates the indexes."
EXAMPLES = """
Nothing is embedded or trained. A removed row that is restored later is embedded again.

  {program} my/index --gallery my/gallery --profile emoji
"""


def run(options: Options) -> int:
    from ..maintenance.compacting import compact
    from ..progress import BuildProgress

    print(compact(options, BuildProgress(quiet=options.quiet)))
    return 0
