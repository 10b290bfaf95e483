"""Serves the page from a checkout; what a Space runs. `python app.py --help` lists what can be set."""

import sys

from demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
