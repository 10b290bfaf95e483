"""The one thing that no profile paints, whatever the models: sexual content with minors.

Words are looked for, not meanings: it stops whoever says it, and some who hide it behind digits, dots or accents.
What is painted is judged afterwards all the same.
"""

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path

from ..errors import RefusedError

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
_LOOKALIKES = [str.maketrans("013457@$|!", f"o{one}eastas{one}{one}") for one in "il"]
_SPELT_OUT = re.compile(r"\b(?:\w )(?:\w )+\w\b")
_SHOUTED = re.compile(r"[!|$]+(?=\W|$)")  # punctuation, and no letter in disguise
_INSIDE = re.compile(r"(?<=\w)[^\w\s]+(?=\w)|_")  # a token


def check_prompt(prompt: str, negative: str = "") -> None:
    """Raise RefusedError, its message the policy's text, for a prompt that names sexual content with minors.

    So does a negative prompt, and one that leaves out the clothes of a minor whom the prompt names.
    """
    asked, left_out = _readings(prompt), _readings(negative)
    clothing = _patterns()["clothing"]
    undressed = any(map(_names_minor, asked)) and any(map(clothing.search, left_out))
    if undressed or any(map(_refused, asked | left_out)):
        raise RefusedError(POLICY)


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


def _names_minor(words: str) -> bool:
    return bool(_patterns()["minors"].search(words) or _AGE.search(words))


def _refused(words: str) -> bool:
    patterns = _patterns()
    return bool(patterns["either"].search(words) or (_names_minor(words) and patterns["sexual"].search(words)))


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
