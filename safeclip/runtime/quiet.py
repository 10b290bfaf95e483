"""Loads one model at a time, without progress bars.

transformers and diffusers build models under switches of the whole process, such as torch's default dtype, so two
threads must not do it at once; and both draw progress bars for the parts of every checkpoint.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator

_loading = threading.RLock()


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Keeps other threads from loading and hides the libraries' progress bars inside a `with` block."""
    from transformers.utils import logging

    # diffusers is slow to import; a caller that has not imported it loads none of its models
    diffusers = sys.modules.get("diffusers")
    libraries = [logging, *([diffusers.utils.logging] if diffusers else [])]
    with _loading:
        drawn = [library for library in libraries if library.is_progress_bar_enabled()]
        for library in drawn:
            library.disable_progress_bar()
        try:
            yield
        finally:
            for library in drawn:
                library.enable_progress_bar()
