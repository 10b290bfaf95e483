"""Report of an evaluation: its figures as JSON, the same as Markdown tables, and the plot."""

import json
from pathlib import Path

from safeclip.errors import ProfileError
from safeclip.runtime.atomic_files import write_atomically

from ..tables import Table
from .plot import draw
from .sections import SECTIONS, STOPPED

FIGURES, REPORT, PLOT = "evaluation.json", "evaluation.md", "safety-utility.svg"


def tables(result: dict) -> list[Table]:
    """The tables of every measurement that was made."""
    return [table for name, figures in result["sections"].items() for table in SECTIONS[name].tables(figures)]


def write(result: dict, folder: Path) -> None:
    """Writes `evaluation.json`, `evaluation.md` and, with quadruplets, `safety-utility.svg` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FIGURES, (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode())
    write_atomically(folder / REPORT, markdown(result).encode())
    if "quadruplets" in result["sections"]:
        draw(result["sections"]["quadruplets"], folder / PLOT)


def read_stopped(folder: Path, identity: dict) -> dict:
    """The result in a folder, to go on with. Raises ProfileError for none, and for one that differs in `identity`."""
    file = folder / FIGURES
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        differing = [name for name, value in identity.items() if result.get(name) != value]
    except (OSError, ValueError, AttributeError) as error:
        raise ProfileError(f"{file}: there is no evaluation to go on with. Leave --resume out.") from error
    if differing:
        raise ProfileError(f"{file} is of another evaluation ({', '.join(differing)}). Leave --resume out.")
    return result


def standing(result: dict, folder: Path) -> str:
    """What a stopped evaluation keeps and lacks, and how to go on."""
    lacking = [name for name, why in result["unavailable"].items() if why == STOPPED]
    return (
        f"Stopped. {folder / REPORT} keeps {' and '.join(result['sections'])}; {' and '.join(lacking)} "
        f"{'are' if len(lacking) > 1 else 'is'} not finished. Give the same command with --resume to measure "
        f"{'these' if len(lacking) > 1 else 'this'} alone."
    )


def markdown(result: dict) -> str:
    """The whole report in Markdown: what was measured, and what was not and why."""
    parts = [f"# Evaluation of {result['profile']}", f"`{result['command']}`, {result['date']}."]
    if note := result.get("note"):
        parts.append(note)
    parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(result)]
    if "quadruplets" in result["sections"]:
        parts.append(f"![Safety against utility]({PLOT})")
    missing = [f"- {name}: {reason}" for name, reason in absent(result).items()]
    if missing:
        parts.append("## Not measured\n\n" + "\n".join(missing))
    return "\n\n".join(parts) + "\n"


def absent(result: dict) -> dict[str, str]:
    """What was not measured, and why: measurements, sets of zero-shot classification, named twice too, and seats."""
    zero_shot = result["sections"].get("zero_shot", {})
    sets = dict(zero_shot.get("missing", {}))
    if repeated := zero_shot.get("repeated"):
        sets["zero_shot, again"] = " ".join(repeated)
    return {**result["unavailable"], **sets, **{f"seat {key}": why for key, why in result["failed_seats"].items()}}
