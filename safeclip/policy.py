"""The one thing that no profile paints, whatever the models: sexual content with minors.

Words are looked for, not meanings: it stops whoever says it, and some who hide it behind digits, dots or accents.
What is painted is judged afterwards all the same.
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

_YEARS = r"(?:yo|y o|yrs?(?: old)?|years?(?: of age| old)?|year olds?)"
_NUMBER = (
    r"(?:0?\d|1[0-7]|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen)"
)
_AGE = re.compile(
    rf"\b{_NUMBER} ?{_YEARS}\b|\b(?:aged?|(?:girls?|boys?) (?:of|aged?)) {_NUMBER}\b(?! ?(?:hours|days|meters|metres))"
)
_LETTERS = "oieastas"  # for 0, 1, 3, 4, 5, 7, @ and $
_LOOKALIKES = [str.maketrans("013457@$|!", f"{_LETTERS[0]}{one}{_LETTERS[2:]}{one}{one}") for one in "il"]
_SPELT_OUT = re.compile(r"\b(?:\w )(?:\w )+\w\b")
_SHOUTED = re.compile(r"[!|$]+(?=\W|$)")  # punctuation, and no letter in disguise
_INSIDE = re.compile(r"(?<=\w)[^\w\s]+(?=\w)|_")  # a token


def check_prompt(prompt: str, negative: str = "") -> None:
    """Raise RefusedError, its message the policy's text, for a prompt that names sexual content with minors.

    So does a negative prompt, and one that leaves out the clothes of a minor whom the prompt names.
    """
    patterns = _patterns()
    undressed = _names(prompt, patterns["minors"]) and any(patterns["clothing"].search(r) for r in _readings(negative))
    if undressed or any(_refused(reading) for text in (prompt, negative) for reading in _readings(text)):
        raise RefusedError(POLICY)


def _names(text: str, minors: re.Pattern[str]) -> bool:
    return any(minors.search(reading) or _AGE.search(reading) for reading in _readings(text))


def _readings(text: str) -> set[str]:
    """The text as it may be meant: words with single spaces, digits as letters, s p e l t and d.o.t ones joined."""
    folded = _folded(text)
    letters = _SHOUTED.sub(" ", folded)
    found = set()
    for reading in (folded, *(letters.translate(table) for table in _LOOKALIKES)):
        spaced = re.sub(r"[\W_]", " ", reading)
        joined = _SPELT_OUT.sub(lambda match: match[0].replace(" ", ""), spaced)
        dotted = re.sub(r"[\W_]", " ", _INSIDE.sub("", reading))
        found |= {" ".join(each.split()) for each in (spaced, joined, dotted)}
    return found


def _folded(text: str) -> str:
    """Lower case, without accents and characters that cannot be seen."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def _refused(words: str) -> bool:
    patterns = _patterns()
    young = patterns["minors"].search(words) or _AGE.search(words)
    return bool(patterns["either"].search(words) or (young and patterns["sexual"].search(words)))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """The lists of policy.toml, each as one expression."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: _pattern(words) for name, words in table.items()}


def _pattern(words: list[str]) -> re.Pattern[str]:
    """One expression for a list; scripts that are written without spaces are found inside a run of letters too."""
    found = []
    for word in words:
        stem = re.escape(_folded(word.rstrip("*")))
        end = "" if word.endswith("*") else r"\b"
        found.append(rf"\b{stem}{end}" if max(word) < "\u3000" else stem)
    return re.compile("|".join(found))
