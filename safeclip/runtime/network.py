"""Says where the model hub is, whether this process may ask it, and whether it answers."""

import os
import threading
import time
import urllib.error
import urllib.request

REACH_SECONDS = 3.0  # a hub that answers at all needs far less

_SILENT = "SAFECLIP_HUB_SILENT"  # set beside HF_HUB_OFFLINE when it was not the user who asked to stay offline
_TRUE = frozenset({"1", "true", "yes", "on"})
_REMEMBER_SECONDS = 60.0
_PROXY_STATUSES = (403, 407)  # a proxy or a firewall answers with them in the hub's place

_asking = threading.Lock()
_answers: dict[str, tuple[bool, float]] = {}  # address → whether it answered, and when that was asked


def endpoint() -> str:
    """The address of the hub, or of the mirror that HF_ENDPOINT names."""
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"


def host() -> str:
    """The hub's host name, for messages."""
    return endpoint().split("://", 1)[-1]


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE keeps this process off the network."""
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def go_offline() -> None:
    """Keeps this process off the network from now on, because the hub did not answer and its client would wait again.

    To be called before the hub's client is imported, which reads these variables once. Messages still say that the hub
    could not be reached.
    """
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.setdefault(name, "1")
    os.environ[_SILENT] = "1"


def is_reachable(timeout: float = REACH_SECONDS) -> bool:
    """Whether the hub answers within `timeout` seconds, name resolution and proxies included; remembered a minute."""
    address = endpoint()
    with _asking:
        answer, asked = _answers.get(address, (False, -_REMEMBER_SECONDS))
        if time.monotonic() - asked >= _REMEMBER_SECONDS:
            answer = _answers_within(address, timeout)
            _answers[address] = answer, time.monotonic()
    return answer


def may_ask() -> bool:
    """Whether the hub may be asked and answers."""
    return not is_offline() and is_reachable()


def forget_answers() -> None:
    """Makes the next `is_reachable` ask again."""
    with _asking:
        _answers.clear()


def why_unreachable() -> str:
    """The first half of a sentence about a missing file: that the hub is out of reach, and by whose choice."""
    chosen = is_offline() and _SILENT not in os.environ
    return "HF_HUB_OFFLINE keeps this process off the network" if chosen else f"{host()} could not be reached"


def _answers_within(address: str, timeout: float) -> bool:
    """Asks in a thread, because a name server that does not answer is waited for whatever the timeout."""
    reached = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout).close()
            reached.set()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in _PROXY_STATUSES:
                reached.set()
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    return reached.is_set()
