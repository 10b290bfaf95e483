"""Measured figures in Markdown, for model cards and pages: tables with a column a seat.

`metrics` are those of `zoo/metrics.json`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from safeclip.judges.images.scene_classifier import KINDS

from ..evaluation.generation.prompts import ALL
from ..evaluation.generation.tables import UNSAFE, generation_notes, generation_table, generation_tables
from ..evaluation.open_world.own_gallery import NAMES, own_gallery_rows
from ..evaluation.report import CAPTIONING, captioning_tables, measured_seats
from ..evaluation.tables import Figure, markdown_table
from .retrieval_tables import adapter_results, clip_results

SEATS = ("original", "safe", "ours")  # of the profile that the zoo is measured with

_UNSAFE = "unsafe or not, mean of both"
_HEADLINE = (
    ("seen", "text_to_image", "r@1", "safe text finds its image first"),
    ("seen", "unsafe_text_to_all_images", "safe_top1", "unsafe text finds a safe image first"),
    ("seen", "unsafe_image_to_all_texts", "safe_top1", "unsafe image finds a safe text first"),
    ("contextual", "unsafe_text_to_all_images", "safe_top1", "unsafe text, harm by context alone: a safe image first"),
    (
        "unseen_concepts",
        "unsafe_text_to_all_images",
        "safe_top1",
        "unsafe text, harm that no tuning met: a safe image first",
    ),
    (
        "unseen_concepts",
        "unsafe_image_to_all_texts",
        "safe_top1",
        "unsafe image, harm that no tuning met: a safe text first",
    ),
)


def headline_table(metrics: dict) -> str:
    """The figures that say most, a few of each task that was measured, with a column for each seat."""
    rows: list[tuple[str, list[str]]] = []
    if splits := metrics.get("splits"):
        rows += [
            (name, [_mean(splits[split].get(seat, {}).get(direction, {}).get(figure)) for seat in SEATS])
            for split, direction, figure, name in _HEADLINE
        ]
    if own := metrics.get("own_gallery"):
        shown = (NAMES["text"], NAMES["safe_text"])
        rows += [
            (name, [str(Figure(each.value)) for each in figures])
            for name, figures in own_gallery_rows(own)
            if name in shown
        ]
    if captioning := metrics.get("captioning"):
        said = [captioning.get(seat, {}).get("harmful", math.nan) for seat in SEATS]
        rows.append((CAPTIONING["harmful"], [str(Figure(share)) for share in said]))
    if generation := metrics.get("generation"):
        painted = generation["splits"][ALL]
        shares = ([_mean(painted.get(seat, {}).get(name)) for name in ("harmful", "false_alarm")] for seat in SEATS)
        alarms = [f"{harmful} ({alarm})" for harmful, alarm in shares]
        rows.append((f"{UNSAFE['harmful']} (in brackets: of a safe prompt)", alarms))
    return markdown_table(SEATS, rows)


def _mean(figure: Mapping[str, Any] | None) -> str:
    """A figure of the metrics file without its interval; a dash for one that was not measured."""
    mean = figure["mean"] if figure else None
    return str(Figure(math.nan if mean is None else mean))


def captioning_results(metrics: dict) -> str:
    """A card's results: how they were measured, and the tables."""
    if "captioning" not in metrics:
        return "Not measured yet."
    captioning = metrics["captioning"]
    pictures = captioning[measured_seats(captioning)[0]]["n"]
    how = (
        f"Greedy answers to “{captioning['question']}” about {pictures} safe and {pictures} unsafe pictures of the open "
        f"world's test phase, percent with 95 % intervals, by `{captioning['command']}` on {captioning['date']}. A column "
        "is the CLIP whose vision tower the same language model reads. A concept is named by any of its wordings; harm is "
        "an unsafe thing or deed, or a thing with what makes it unsafe by a rule of context; BLEU compares with the one "
        "right caption."
    )
    return "\n\n".join((how, captioning_sections(captioning)))


def captioning_sections(captioning: dict) -> str:
    """The tables of captioning in Markdown, the second and the third under their titles."""
    first, *others = captioning_tables(captioning)
    return "\n\n".join((first.markdown(), *(f"{each.title}:\n\n{each.markdown()}" for each in others)))


def generation_results(metrics: dict) -> str:
    """A card's results: how they were measured, the table of all prompts, and what the judge's error is."""
    if "generation" not in metrics:
        return "Not measured yet."
    generation = metrics["generation"]
    notes = "\n\n".join(generation_notes(generation))
    return f"{_painted_how(generation)}\n\n{generation_table(generation).markdown()}\n\n{notes}"


def generation_page(generation: dict) -> str:
    """All tables of the page of results, each below its title, the tables of single splits folded."""
    folded = set(generation["splits"]) - {ALL}
    parts = [_painted_how(generation), *generation_notes(generation)]
    for split, table in zip((*generation["splits"], *[""] * 9), generation_tables(generation), strict=False):
        text = f"{table.title}\n\n{table.markdown()}"
        parts.append(
            f"<details><summary>{table.title}</summary>\n\n{table.markdown()}\n\n</details>"
            if split in folded
            else text
        )
    return "\n\n".join(parts)


def _painted_how(generation: dict) -> str:
    judge, prompts = generation["judge"], generation["quadruplets"]
    return (
        f"Pictures of {prompts} safe and {prompts} unsafe captions of test quadruplets of each split, one each, {generation['steps']} "
        f"steps, guidance {generation['guidance']}, percent with 95 % intervals clustered on what makes the harm, by "
        f"`{generation['command']}` on {generation['date']}. A column is the CLIP whose text encoder conditions the UNet; all start from "
        f"the same noise. The judge is the {judge['name']} {judge['version']}: it flags a picture from a score of "
        f"{judge['threshold']:.2f} on, and a concept is seen when it is the likeliest of its kind."
    )


_COMPOSITION = {
    "count": "how many of a thing",
    "several": "how many, where there are two or more",
    "color": "colour that a caption names",
    "side": "left of, right of, above or below another",
}


def judge_results(metrics: dict) -> str:
    """A card's results: accuracy in the test phase, composition, calibration. The training of the judge measured them."""
    if "judge" not in metrics:
        return "Not measured yet."
    test, composition, validation = (metrics["judge"][name] for name in ("test", "composition", "validation"))
    kinds = list(test)
    rows = [
        (_UNSAFE if name == "unsafe" else name, [f"{test[kind][name]:.1f}" for kind in kinds])
        for name in (*KINDS, "unsafe")
    ]
    composed = [
        (told, [f"{figures[name]:.1f} ({figures[f'{name}_n']})" for figures in composition.values()])
        for name, told in _COMPOSITION.items()
        if all(name in figures for figures in composition.values())
    ]
    errors = [
        f"{kind} {100 * validation[kind]['ece_uncalibrated']:.1f} → {100 * validation[kind]['ece']:.1f}"
        for kind in KINDS
    ]
    return (
        f"Percent right in the test phase, {test[kinds[0]]['n']} pictures of each kind, by `safeclip-train open-judge-2.toml`. Paintings are "
        "laid out as in the training of the Stable Diffusion, the others as in the gallery: quadruplets of all kinds, of unsafe "
        "concepts and verbs that no CLIP was tuned on, and of rules of contextual harm alone. Whether a picture is unsafe is told by "
        "all rules, those among them that the judge does not see. Soft pictures were degraded as a diffusion "
        f"model degrades a scene: blur, lost detail, other colours.\n\n{_judge_table(kinds, rows)}\n\n"
        "Composition by patches, percent right and in brackets of how many, without being told what else is there:\n\n"
        f"{_judge_table(list(composition), composed)}\n\n"
        f"Calibrated on the validation phase, which moved the expected calibration error, in percent: {', '.join(errors)}. A picture "
        f"counts as unsafe from a probability of {validation['threshold']:.2f} on, where the mean of the rates of misses and of false alarms is least."
    )


def _judge_table(kinds: list[str], rows: list[tuple[str, list[str]]]) -> str:
    return markdown_table([kind.replace("_soft", ", soft").replace("_", " ") for kind in kinds], rows)


RESULTS: dict[str, Callable[..., str]] = {
    "clip": clip_results,
    "adapter": adapter_results,
    "captioning": captioning_results,
    "generation": generation_results,
    "judge": judge_results,
}
