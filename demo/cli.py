"""Command line of the page: reads the flags, finds the profile, and checks it or serves it."""

import importlib
import os
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .commands import COMMANDS
from .settings import Settings, parse

if TYPE_CHECKING:
    from safeclip import Lab
    from safeclip.index_making import IndexMaker, IndexMaking
    from safeclip.profiles import Profile

_LAST_STEP = 1.0  # seconds in which the making of an index may end a step


def main(argv: Sequence[str] | None = None, program: str = "app.py", make_index: "IndexMaker | None" = None) -> int:
    """Builds the page and serves it until interrupted, or runs the command that the first argument names.

    Returns the exit status: 0, 1 when the page cannot be served, 2 for a profile that is unknown or invalid. `program`
    is the name of the command in messages. `make_index` makes the index where the profile leaves that to the page.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    command = argv.pop(0) if argv and argv[0] in COMMANDS else ""
    settings = parse(argv, program=program, more=_commands(program)) if not command else Settings()
    from safeclip.errors import ProfileError, SafeClipError

    silence_libraries()
    try:
        if command:
            module = importlib.import_module(f".commands.{command.replace('-', '_')}", __package__)
            return module.main(argv, f"{program} {command}")
        profile = changed(find_profile(settings.profile), settings)
        settle_network(profile)
        if settings.check:
            return check(profile, settings.profile)
        if settings.selftest:
            return selftest(profile)
        serve(profile, settings, make_index)
    except ProfileError as error:
        return _complain(program, error, status=2)
    except (SafeClipError, OSError) as error:
        return _complain(program, error, status=1)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def _commands(program: str) -> str:
    """A sentence for each command, for the help."""
    return " ".join(f"“{program} {name}” {does}." for name, does in COMMANDS.items())


def find_profile(name: str) -> "Profile":
    """Loads the profile of that name or path. For "auto" it loads the best that can run here and prints the reason."""
    from safeclip import preflight
    from safeclip.profiles import load_profile

    if name == "auto":
        profile, why = preflight.choose()
        print(f"Profile {profile.name}: {why}.", flush=True)
        return profile
    return load_profile(name)


def silence_libraries() -> None:
    """Turns telemetry off. To be called before the libraries that read these variables are imported.

    Gradio keeps a record of its last 10,000 events and makes a table of them all after each one, for a monitoring page
    that is off here: under a crowd that alone takes longer than the answers.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # events between two tables
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def settle_network(profile: "Profile") -> None:
    """Puts the hub client offline when the profile does not need the hub, or when the hub cannot be reached.

    To be called before transformers is imported, so that no library waits for a network that is not there.
    """
    from safeclip.profile_files import hub_files
    from safeclip.runtime import network

    of_hub = profile.retrieval is not None and profile.retrieval.source.startswith("hub:")
    if not hub_files(profile) and not of_hub:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    elif not network.is_reachable():
        network.go_offline()


def check(profile: "Profile", named: str) -> int:
    """Prints whether this machine can run the profile. Returns the exit status: 0 only when it can.

    `named` is the value of --profile.
    """
    from safeclip import preflight

    report = preflight.inspect(profile, named="" if named == "auto" else named)
    print(report)
    return 0 if report.can_run else 1


def selftest(profile: "Profile") -> int:
    """Tests the profile on this machine and prints the result as JSON. Returns the exit status: 0 when all passed."""
    import json

    import safeclip
    from safeclip.preflight.selftest import selftest as test

    result = test(safeclip.open(profile))
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0 if result["ok"] else 1


def changed(profile: "Profile", settings: Settings) -> "Profile":
    """The profile with the seats, tasks and gallery that flags name. Raises ProfileError."""
    from safeclip import profile_changes as change
    from safeclip.errors import ProfileError

    if settings.reference:
        profile = change.with_reference(profile, settings.reference)
    for seat in settings.seat:
        profile = change.with_seat(profile, seat)
    if settings.tasks:
        profile = change.with_tasks(profile, settings.tasks)
    if settings.gallery:
        if profile.retrieval is None:
            raise ProfileError("--gallery names what is searched, and nothing is: give --tasks retrieval too.")
        fetch = not settings.check  # which keeps nothing
        profile = change.with_gallery(profile, settings.gallery, rows=settings.gallery_rows, fetch=fetch)
    return profile


def serve(profile: "Profile", settings: Settings, make_index: "IndexMaker | None" = None) -> None:
    """Builds the page and serves it until interrupted. Raises SafeClipError or OSError when it cannot be built."""
    import safeclip
    from safeclip import preflight

    preflight.require_judges(profile)
    preflight.require_reference(profile)
    claim_port(settings)
    if settings.processes > 1:
        serve_several(profile, settings)
        return
    print(f"Safe-CLIP, side by side: loading “{profile.title}” …", flush=True)
    from . import logs, page, serving  # after the environment is set: gradio and the hub client read it when imported

    if settings.json_log:
        logs.write_json_lines(__package__ or "demo")
    lab = safeclip.open(profile)
    making = _making(lab, make_index)
    built = page.build(lab, settings, making)
    page.launch(built, settings, prevent_thread_lock=True)
    serving.settle(built)
    serving.wait_and_close(built)
    if making is not None:
        making.stop(_LAST_STEP)
    print("Stopped.")


def serve_several(profile: "Profile", settings: Settings) -> None:
    """As `serve`, from several processes, which bring an index up to date one after another.

    Raises ProfileError where nothing can be searched yet.
    """
    import safeclip
    from safeclip.errors import ProfileError
    from safeclip.index_making import is_due, searchable_rows

    from .processes import supervisor

    lab = safeclip.open(profile)
    if not searchable_rows(lab) and is_due(lab):  # in this order no model is loaded where an index is there
        raise ProfileError(
            f"The index of “{profile.name}” has to be made first, by one process: start once without --processes."
        )
    supervisor.serve_several(settings)
    print("Stopped.")


def _making(lab: "Lab", make_index: "IndexMaker | None") -> "IndexMaking | None":
    """The making of the lab's index, begun; None where it is there, or where the profile names the place of one."""
    from safeclip.index_making import IndexMaking, is_due

    if make_index is None or not is_due(lab):
        return None
    making = IndexMaking(lab, make_index)
    making.start()
    return making


def claim_port(settings: Settings) -> None:
    """Raises OSError before any model is loaded when the port cannot be used."""
    from safeclip.errors import short_reason

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
            f"Port {settings.port} on {settings.host} cannot be used ({short_reason(error).lower()}); "
            "choose another with --port."
        ) from None


def _complain(program: str, error: Exception, *, status: int) -> int:
    """Prints the error on standard error, in one line. Returns `status`."""
    print(f"{program}: {error}", file=sys.stderr)
    return status
