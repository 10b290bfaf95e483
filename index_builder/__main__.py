import sys

from safeclip.commands import run

sys.exit(run("python -m index_builder", f"{__package__}.cli"))
