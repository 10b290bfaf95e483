"""Options of a command on indexes that exist: those of the build that made them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from safeclip.retrieval.manifest import Manifest
from safeclip.schema import parse

from ..options import BuildOptions, ProfileOptions
from ..report import REPORT, SETTINGS, read_report
from ..workspace import Workspace, describe


def continued(options: ProfileOptions, **changes: Any) -> BuildOptions:
    """The options of a build that goes on as the last one did: the same kind of index, batches and shards.

    What `options` and `changes` name comes from there. Raises BuildError where no index was built,
    ProfileError where the last one's report holds a value of another type.
    """
    work = describe(options)
    report = read_report(work.output)
    settings = report.get("settings") or _of_older_report(work)
    given = {field.name: getattr(options, field.name) for field in fields(BuildOptions) if hasattr(options, field.name)}
    given = {name: value for name, value in given.items() if name not in SETTINGS or value is not None}
    known = {name: settings[name] for name in SETTINGS if settings.get(name) is not None}  # others: of later ones
    return replace(parse(BuildOptions, known, file=work.output / REPORT, where="settings"), **given, **changes)


def _of_older_report(work: Workspace) -> dict[str, Any]:
    """The settings of a report that does not hold them: the first index's factory, for all."""
    return {"factory": Manifest.read(work.output / work.seats[0].key).factory}
