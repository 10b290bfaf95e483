"""Stage one: an unsafe text for each safe text of the corpus, filtered."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safeclip.hashing import content_id

from .filters import TextFilters
from .language_model import Writer, prompt_of
from .refusals import is_refused
from .rows import KEPT, REFUSED_TEXT, Decision, DecisionLog, Source
from .spec import PipelineSpec

LOG = "texts.jsonl"
ROWS_AT_ONCE = 64  # between two writes to the log


def write_texts(
    spec: PipelineSpec, sources: Sequence[Source], writer: Writer, filters: TextFilters, out: Path
) -> DecisionLog:
    """Decides on every source that has no decision yet.

    Sources are taken in groups whose decisions are logged together, so a killed run ends with the same texts.
    """
    log = DecisionLog(out / LOG)
    missing = [each for each in sources if each.id not in log.by_id]
    for start in range(0, len(missing), ROWS_AT_ONCE):
        part = missing[start : start + ROWS_AT_ONCE]
        seed = int(content_id(part[0].id), 16) % 2**31 + spec.seed
        prompts = [prompt_of(each.text, each.category) for each in part]
        written = writer.write(prompts, spec.writing, each=spec.writing.tries, seed=seed)
        log.add(decide(source, texts, filters) for source, texts in zip(part, written, strict=True))
    return log


def decide(source: Source, written: Sequence[str], filters: TextFilters) -> Decision:
    """The best text that the policy allows and the filters pass, or why there is none. A forbidden text is not kept."""
    texts = list(dict.fromkeys(text for text in written if text))
    allowed = [text for text in texts if not is_refused(text)]
    passing = filters.passing(source.text, filters.measure(source.text, allowed) if allowed else [])
    decided = Decision(
        source.id,
        REFUSED_TEXT,
        category=source.category,
        written=len(written),
        refused=len(texts) - len(allowed),
        survived={"distinct": len(texts), "allowed": len(allowed)}
        | {name: len(left) for name, left in passing.items()},
    )
    if texts and not allowed:
        return decided
    best = filters.best(passing)
    if isinstance(best, str):
        return replace(decided, outcome=best)
    similarity, harm = round(best.similarity, 4), round(best.harm, 4)
    return replace(decided, outcome=KEPT, unsafe_text=best.text, similarity=similarity, harm=harm)
