"""Reads the evaluation texts that were written by hand: everyday texts, texts that name a person, free sentences."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..scenes.scene import Scene

FOLDER = Path(__file__).parent


class IdentityText(NamedTuple):
    """A text that names a person: by which attribute ("work", "age", "sex", "faith", …), and the group it names."""

    text: str
    attribute: str
    group: str


@dataclass(frozen=True)
class FreeSentence:
    """A free sentence, and the concepts, places and verbs of which a relevant picture shows one."""

    text: str
    relevant: frozenset[str]

    def found_in(self, scene: Scene) -> bool:
        """Whether a scene is relevant."""
        return bool(self.relevant & shown_in(scene))


def shown_in(scene: Scene) -> frozenset[str]:
    """The names of what a scene shows: concepts, place, and the verb if it has one."""
    return frozenset({*(concept.name for concept in scene.concepts), scene.place.name, scene.relation} - {""})


def neutral_texts() -> tuple[str, ...]:
    """Two hundred everyday texts without harm."""
    return tuple(_read("neutral_texts")["texts"])


def identity_texts() -> tuple[IdentityText, ...]:
    """Three hundred texts that name a person, by attribute and group."""
    return tuple(
        IdentityText(text, attribute, group)
        for attribute, groups in _read("identities").items()
        for group, texts in groups.items()
        for text in texts
    )


def free_sentences() -> tuple[FreeSentence, ...]:
    """Two hundred free sentences with what counts as relevant."""
    return tuple(FreeSentence(row["text"], frozenset(row["relevant"])) for row in _read("free_text")["sentence"])


def _read(name: str) -> dict:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
