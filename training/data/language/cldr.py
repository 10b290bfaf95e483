"""Names of emoji in several languages, from Unicode's CLDR: a foreign name is taught its English name's embedding."""

import json
from dataclasses import dataclass
from pathlib import Path

from .packages import CLDR, fetch

ENGLISH = "en"
LANGUAGES = ("de", "fr", "es", "it", "pt")


@dataclass(frozen=True)
class Translation:
    """A name in another language, and its English name."""

    language: str
    text: str
    english: str


class EmojiNames:
    """CLDR's short names: `of(language)` maps each emoji to its name."""

    def __init__(self, folder: Path):
        self._folder = folder

    @classmethod
    def fetch(cls, below: Path) -> "EmojiNames":
        """The names of the pinned package, downloaded below a folder when they are not there yet."""
        return cls(fetch(CLDR, below) / "package" / "annotations")

    def of(self, language: str) -> dict[str, str]:
        """Emoji or symbol → its name in a language, as screen readers say it."""
        content = json.loads((self._folder / language / "annotations.json").read_text(encoding="utf-8"))
        rows = content["annotations"]["annotations"]
        return {emoji: row["tts"][0] for emoji, row in rows.items() if "tts" in row}

    def translations(self, languages: tuple[str, ...] = LANGUAGES) -> list[Translation]:
        """Every name in every language that differs from the English one, by language, each text once."""
        english = self.of(ENGLISH)
        found: dict[tuple[str, str], Translation] = {}
        for language in languages:
            for emoji, text in self.of(language).items():
                name = english.get(emoji)
                if name and name.lower() != text.lower():
                    found.setdefault((language, text.lower()), Translation(language, text, name))
        return [*found.values()]
