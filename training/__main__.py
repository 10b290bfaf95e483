"""`python -m training` is `safeclip-train`."""

import sys

from safeclip.commands import run

if __name__ == "__main__":
    sys.exit(run("safeclip-train", f"{__package__}.cli"))
