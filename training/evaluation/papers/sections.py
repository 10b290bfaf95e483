"""Measurements by the tables of an evaluation that ask for them. A new one is a module and one line of SECTIONS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeclip.errors import SafeClipError, first_line

from ..tables import Table
from . import section_tables as tables
from .context import EvaluationContext
from .measurements import captioned, captions, fidelity, prompts, quadruplets, unsafe_images, zero_shot


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


def measure_all(context: EvaluationContext) -> dict:
    """Makes every measurement that the evaluation asks for.

    {"sections": name → figures, "unavailable": name → message, "failed_seats": seat → message}. A measurement that
    cannot be made leaves the others alone.
    """
    sections, unavailable = {}, {}
    for name, section in SECTIONS.items():
        if not getattr(context.spec, name):
            continue
        try:
            if figures := section.measure(context):
                sections[name] = figures
        except (SafeClipError, OSError) as error:
            unavailable[name] = str(error)
        except (ValueError, RuntimeError) as error:  # a full device, a file that is not what its name says
            unavailable[name] = first_line(error)
    unavailable |= context.absent
    return {"sections": sections, "unavailable": unavailable, "failed_seats": dict(context.failed)}
