"""Loading without noise: transformers draws a progress bar for the tensors of every checkpoint."""

import contextlib
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_drawn_before = False


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """Spare the terminal that bar while this is open; several threads may be inside at the same time."""
    global _inside, _drawn_before
    from transformers.utils import logging

    with _lock:
        if not _inside:
            _drawn_before = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _drawn_before:
                logging.enable_progress_bar()
