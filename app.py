"""The page, served. `python app.py --help` lists what can be set."""

import os
import socket
import sys

from demo.settings import Settings, parse


def main(argv: list[str] | None = None) -> int:
    """Build the page and serve it until interrupted. Returns the exit status: 0, 1 for trouble, 2 for a bad profile."""
    settings = parse(argv)
    import safeclip
    from safeclip.errors import ProfileError, SafeClipError

    try:
        lab = safeclip.open(settings.profile)
        prepare_environment(lab.profile)
        claim_port(settings)
        import demo  # after the environment is set: gradio and the hub client read it when they are imported

        print(f"Safe-CLIP, side by side: loading “{lab.profile.title}” …", flush=True)
        page = demo.build(lab, settings)
        demo.launch(page, settings)
    except ProfileError as error:
        return complain(error, status=2)
    except (SafeClipError, OSError) as error:
        return complain(error, status=1)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def prepare_environment(profile: object) -> None:
    """Settle, before anything reads it, that no library phones home or waits for a network that is not there."""
    from demo.health import needs_hub, network_is_up

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not needs_hub(profile) or not network_is_up():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")


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
