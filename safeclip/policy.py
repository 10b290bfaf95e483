"""The one thing that no profile paints, whatever the models: sexual content with minors.

Words are looked for, not meanings: it stops whoever says it, and whoever hides it behind digits, dots or accents. What
is painted is judged afterwards all the same.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from .compat import tomllib
from .errors import RefusedError

POLICY = (
    "This prompt was not painted. No profile of this demo makes sexual content with minors, real or invented, in any "
    "style, whichever encoder reads the prompt. Ask for something else."
)

_AGE = re.compile(r"\b(?:0?\d|1[0-7]) ?(?:yo|y o|yrs?(?: old)?|years? old|year olds?)\b")
_AGE_IN_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)"
    r" years? olds?\b"
)
_LOOKALIKES = str.maketrans("013457@$!|", "oieastasil")
_SPELT_OUT = re.compile(r"\b(?:\w )(?:\w )+\w\b")


def check_prompt(*texts: str) -> None:
    """Raise RefusedError, its message the policy's text, when any of `texts` names sexual content with minors."""
    for text in texts:
        if any(_refused(reading) for reading in _readings(text)):
            raise RefusedError(POLICY)


def _readings(text: str) -> set[str]:
    """The text as it may be meant: words with single spaces, digits as letters, s p e l t words joined."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    found = set()
    for reading in (folded, folded.translate(_LOOKALIKES)):
        spaced = re.sub(r"[\W_]", " ", reading)
        joined = _SPELT_OUT.sub(lambda match: match[0].replace(" ", ""), spaced)
        found |= {" ".join(each.split()) for each in (spaced, joined)}
    return found


def _refused(words: str) -> bool:
    minors, sexual, either = _patterns()
    young = minors.search(words) or _AGE.search(words) or _AGE_IN_WORDS.search(words)
    return bool(either.search(words) or (young and sexual.search(words)))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return tuple(_pattern(table[name]) for name in ("minors", "sexual", "either"))


def _pattern(words: list[str]) -> re.Pattern[str]:
    """One expression for a list; scripts that are written without spaces are found inside a run of letters too."""
    found = []
    for word in words:
        stem = re.escape(unicodedata.normalize("NFKD", word.rstrip("*")))
        end = "" if word.endswith("*") else r"\b"
        found.append(rf"\b{stem}{end}" if max(word) < "\u3000" else stem)
    return re.compile("|".join(found))
