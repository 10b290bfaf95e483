"""Fingerprints of all that decides a row of a table, and how they differ from what a lab would answer with now."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import CheckpointError
from ..judges import ImageJudge, TextJudge

if TYPE_CHECKING:
    from ..captioning.compare import Captioning
    from ..generation.compare import Generation
    from ..lab import Lab

_DIGITS = 16


def fingerprints(lab: "Lab", tasks: Iterable[str]) -> dict[str, str]:
    """Fingerprints of all that decides the outcomes of `tasks`, by name: encoders, gallery, models and judges.

    Raises SafeClipError when one of them cannot be had.
    """
    found = {f"seat {key}": lab.encoders[key].search_fingerprint[:_DIGITS] for key in lab.encoders}
    if lab.profile.retrieval is not None:
        found["gallery"] = lab.gallery.fingerprint[:_DIGITS]
    if "generation" in tasks:
        found["Stable Diffusion"] = _model(lab.generation)
        found |= {f"judge {judge.name}": judge_fingerprint(judge) for judge in lab.generation.judges}
    if "captioning" in tasks:
        found["LLaVA"] = _model(lab.captioning)
        found[f"judge {lab.captioning.judge.name}"] = judge_fingerprint(lab.captioning.judge)
    return found


def differences(made_with: Mapping[str, str], lab: "Lab", tasks: Iterable[str]) -> list[str]:
    """Names of what is not any more as a table was made with; all are compared that the table names."""
    now = fingerprints(lab, tasks)
    return [name for name, value in made_with.items() if now.get(name) != value]


def _model(model: "Generation | Captioning") -> str:
    """Hash of a model's files, or the name and revision of one that lies on the hub."""
    try:
        return model.fingerprint[:_DIGITS]
    except CheckpointError:
        revision = getattr(model.spec, "revision", None)
        return f"{model.spec.checkpoint}@{revision}" if revision else model.spec.checkpoint


def judge_fingerprint(judge: ImageJudge | TextJudge) -> str:
    """A judge's version, and from which score on it flags."""
    return f"{judge.version} at {judge.threshold:.4g}"
