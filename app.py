"""The page, served. `python app.py --help` lists what can be set."""

import os
import socket
import sys
from typing import TYPE_CHECKING

from demo.settings import Settings, parse

if TYPE_CHECKING:
    from safeclip.profiles import Profile


def main(argv: list[str] | None = None) -> int:
    """Build the page and serve it until interrupted. Returns the exit status: 0, 1 for trouble, 2 for a bad profile."""
    settings = parse(argv)
    from safeclip.errors import ProfileError, SafeClipError

    silence_libraries()
    try:
        profile = find_profile(settings.profile)
        settle_network(profile)
        if settings.check:
            return check(profile)
        serve(profile, settings)
    except ProfileError as error:
        return complain(error, status=2)
    except (SafeClipError, OSError) as error:
        return complain(error, status=1)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def find_profile(name: str) -> "Profile":
    """The profile of that name or path; for "auto" the best that can run here, and why is printed."""
    from safeclip import preflight
    from safeclip.profiles import load_profile

    if name == "auto":
        name, why = preflight.choose()
        print(f"Profile {name}: {why}.", flush=True)
    return load_profile(name)


def silence_libraries() -> None:
    """Settle, before anything reads it, that no library phones home."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def settle_network(profile: "Profile") -> None:
    """Settle, before anything reads it, that no library waits for a network that is not there or not needed."""
    from safeclip.profile_files import hub_files
    from safeclip.runtime import hub

    if not hub_files(profile):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    elif not hub.is_reachable():
        hub.go_offline()


def check(profile: "Profile") -> int:
    """Print whether this machine can run the profile. Returns the exit status: 0 only when it can."""
    from safeclip import preflight

    report = preflight.inspect(profile)
    print(report)
    return 0 if report.can_run else 1


def serve(profile: "Profile", settings: Settings) -> None:
    """Build the page and serve it until interrupted. Raises SafeClipError or OSError when it cannot be."""
    import safeclip
    from safeclip import preflight

    preflight.require_reference(profile)
    claim_port(settings)
    import demo  # after the environment is set: gradio and the hub client read it when they are imported

    print(f"Safe-CLIP, side by side: loading “{profile.title}” …", flush=True)
    page = demo.build(safeclip.open(profile), settings)
    demo.launch(page, settings)


def claim_port(settings: Settings) -> None:
    """Raise OSError now, before models are loaded, when the port cannot be had."""
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise OSError(
            f"The host “{settings.host}” is not an address of this machine; choose another with --host."
        ) from None
    except OSError as error:
        raise OSError(
            f"Port {settings.port} on {settings.host} cannot be used ({(error.strerror or str(error)).lower()}); "
            "choose another with --port."
        ) from None


def complain(error: Exception, *, status: int) -> int:
    """Say on standard error, in one line, what is wrong."""
    print(f"app.py: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
