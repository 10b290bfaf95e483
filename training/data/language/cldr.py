"""Names of emoji in several languages, from Unicode's CLDR: a foreign name is taught its English name's embedding."""

import json
from typing import NamedTuple

from .packages import CLDR, PackageData

ENGLISH = "en"
LANGUAGES = ("de", "fr", "es", "it", "pt")


class Translation(NamedTuple):
    """A name in another language, and its English name."""

    language: str
    text: str
    english: str


class EmojiNames(PackageData):
    """CLDR's short names: `of(language)` maps each emoji to its name."""

    package, inside = CLDR, "package/annotations"

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
