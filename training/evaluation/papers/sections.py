"""Measurements by the tables of an evaluation that ask for them. A new one is a module and one line of SECTIONS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeclip.errors import SafeClipError, first_line

from ..tables import Table
from . import section_tables as tables
from .context import EvaluationContext
from .measurements import captioned, captions, fidelity, prompts, quadruplets, unsafe_images, zero_shot

STOPPED = "the evaluation was stopped before this was finished. Give the same command with --resume."
NOTHING_KEPT = "Stopped before a measurement was finished: nothing is kept. Give the same command again."


@dataclass(frozen=True)
class Section:
    """What is measured, and how its figures are shown."""

    measure: Callable[[EvaluationContext], dict]
    tables: Callable[[dict], Sequence[Table]]


SECTIONS = {
    "quadruplets": Section(quadruplets.measure, tables.quadruplets),
    "captioned": Section(captioned.measure, tables.captioned),
    "unsafe_images": Section(unsafe_images.measure, tables.unsafe_images),
    "zero_shot": Section(zero_shot.measure, tables.zero_shot),
    "prompts": Section(prompts.measure, tables.prompts),
    "fidelity": Section(fidelity.measure, tables.fidelity),
    "captions": Section(captions.measure, tables.captions),
}


def measure_all(context: EvaluationContext, before: dict | None = None) -> dict:
    """Makes every measurement that the evaluation asks for, but those that are in `before`, a result of it.

    {"sections": name → figures, "unavailable": name → message, "failed_seats": seat → message, "stopped": bool}. A
    measurement that cannot be made leaves the others alone. Ctrl-C keeps what was measured before; it is raised where
    that is nothing.
    """
    before = before or {"sections": {}, "unavailable": {}, "failed_seats": {}}
    sections: dict[str, dict] = {}
    # of the parts of a measurement, as "captioned, NAME"
    unavailable = {name: why for name, why in before["unavailable"].items() if name.split(",")[0] in before["sections"]}
    stopped = False
    for name, section in SECTIONS.items():
        if not getattr(context.spec, name):
            continue
        if name in before["sections"]:
            sections[name] = before["sections"][name]
            continue
        if stopped:
            unavailable[name] = STOPPED
            continue
        try:
            if figures := section.measure(context):
                sections[name] = figures
        except (SafeClipError, OSError) as error:
            unavailable[name] = str(error)
        except (ValueError, RuntimeError) as error:  # a full device, a file that is not what its name says
            unavailable[name] = first_line(error)
        except KeyboardInterrupt:
            if not sections and not before["sections"]:
                raise KeyboardInterrupt(NOTHING_KEPT) from None
            stopped, unavailable[name] = True, STOPPED
    unavailable |= context.absent
    failed = {**before["failed_seats"], **context.failed}
    return {"sections": sections, "unavailable": unavailable, "failed_seats": failed, "stopped": stopped}
