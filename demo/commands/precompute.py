"""Command `precompute`: lets a profile's models answer the examples, so that a page shows them without computing."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safeclip import Lab


def main(argv: Sequence[str], program: str) -> int:
    """Writes the answers of every task that the profile seats. Returns the exit status. Raises SafeClipError."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--profile", default="emoji", help="name of a profile, or the path of its .toml file")
    import safeclip

    from ..captioning import precomputed as captioning
    from ..generation import precomputed as generation

    lab = safeclip.open(parser.parse_args(argv).profile)
    writers: dict[str, Callable[[Lab], str]] = {"generation": generation.write_all, "captioning": captioning.write_all}
    if not lab.profile.model_sections:
        print(f"The profile “{lab.profile.name}” neither paints nor captions: there is nothing to precompute.")
    for task in lab.profile.model_sections:
        print(writers[task](lab), flush=True)
    return 0
