"""Lab: a profile's encoders, gallery and tasks, each loaded when it is first used."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import ProfileError, SafeClipError
from .paths import resolve
from .profiles import Profile, Seat, load_profile
from .retrieval.places import gallery_folder, index_folder
from .runtime.machine import borrows_gpu

if TYPE_CHECKING:
    from PIL import Image

    from .captioning.compare import Captioning
    from .encoders.concept_map import ConceptMap, Remarks
    from .encoders.encoder_set import EncoderSet
    from .generation.compare import Generation
    from .retrieval.compare import EmbeddedQuery, Retrieval
    from .retrieval.gallery import Gallery

T = TypeVar("T")


class Lab:
    """Gives access to what a profile names. Making a lab loads nothing, and no task needs another one's section.

    Safe to use from several threads.
    """

    def __init__(self, profile: Profile, *, device: str | None = None) -> None:
        self.profile = profile
        self._device = device
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def encoders(self) -> "EncoderSet":
        """Encoders of the profile's seats by seat key; each is loaded by its first look-up."""

        def make() -> "EncoderSet":
            from .encoders.encoder_set import EncoderSet

            return EncoderSet(self.profile.seats, device=self._device)

        return self._once("encoders", make)

    @property
    def concepts(self) -> "ConceptMap | None":
        """Map of the concepts that the profile's models know; None where it names no such file. Raises ProfileError."""

        def make() -> "ConceptMap":
            from .encoders.concept_map import ConceptMap

            return ConceptMap.open(resolve(self.profile.concepts))

        return self._once("concepts", make) if self.profile.concepts else None

    @property
    def remarks(self) -> "Remarks":
        """Sentences on what of a text or an image is not of the profile's world; comparisons have them in `notes`."""

        def make() -> "Remarks":
            from .encoders.concept_map import Remarks

            return Remarks(lambda: self.concepts, self._likeness, self._unmet_words)

        return self._once("remarks", make)

    def _likeness(self, image: "Image.Image | EmbeddedQuery") -> float | None:
        return None if self.profile.retrieval is None else self.retrieval.likeness(image)

    def _unmet_words(self, text: str) -> list[str]:
        """The keys of `unknown_words`, without the search for known ones spelt alike; none without a gallery."""
        known = None if self.profile.retrieval is None else self.retrieval.vocabulary
        return [] if known is None else self._without_nouns(known.unknown(text))

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Lists the words of a text that the reference was not trained on, each with known ones spelt alike.

        Nouns of `concepts` are no such words: the text tower learnt them all, and `remarks` tell which are not drawn.
        Raises as `retrieval`.
        """
        found = self.retrieval.unknown_words(text)
        return {word: found[word] for word in self._without_nouns(list(found))}

    def _without_nouns(self, words: list[str]) -> list[str]:
        try:
            concepts = self.concepts if words else None
        except SafeClipError:  # `remarks` logs it
            return words
        return words if concepts is None else [word for word in words if not concepts.is_noun(word)]

    @property
    def gallery(self) -> "Gallery":
        """Gallery of the retrieval section. Raises ProfileError without one, GalleryError when it cannot be read.

        Also IndexCorruptError for a damaged list of what was removed from the indexes.
        """

        def make() -> "Gallery":
            from .retrieval.gallery import Gallery
            from .retrieval.stores.tombstones import read_tombstones

            spec = self._section(self.profile.retrieval, "retrieval")
            removed = frozenset(read_tombstones(index_folder(self.profile)))
            return Gallery.open(gallery_folder(spec), may_be_empty=bool(spec.source), removed=removed)

        return self._once("gallery", make)

    @property
    def retrieval(self) -> "Retrieval":
        """Retrieval of the profile. Raises as `gallery`; the seat that needs a faulty encoder or index tells of it."""

        def make() -> "Retrieval":
            self._section(self.profile.retrieval, "retrieval")
            from .retrieval.compare import Retrieval

            return Retrieval(self.encoders, self.gallery, index_folder(self.profile), remarks=self.remarks)

        return self._once("retrieval", make)

    @property
    def searches_foreign_drawings(self) -> bool:
        """Whether the gallery holds the embedded world's drawings, and the reference was trained on photographs."""

        def make() -> bool:
            from .judges.domains import EMBEDDED_SCENES, PHOTOGRAPHS, domain_of

            spec, reference = self.profile.retrieval, self.profile.seats[0]
            drawings = spec is not None and domain_of(spec.gallery) == EMBEDDED_SCENES
            return drawings and domain_of(reference.checkpoint) == PHOTOGRAPHS

        return self._once("searches_foreign_drawings", make)

    @property
    def generation(self) -> "Generation":
        """Generation of the profile; the first prompt loads its checkpoint. Raises ProfileError without a section."""

        def make() -> "Generation":
            spec = self._section(self.profile.generation, "generation")
            from .generation.compare import Generation

            device = self._task_device(spec.memory_gb)
            return Generation(spec, self._seated(spec.seats), device=device, remarks=self.remarks)

        return self._once("generation", make)

    @property
    def captioning(self) -> "Captioning":
        """Captioning of the profile; the first question loads its checkpoint. Raises ProfileError without a section."""

        def make() -> "Captioning":
            spec = self._section(self.profile.captioning, "captioning")
            from .captioning.compare import Captioning

            device = self._task_device(spec.memory_gb)
            return Captioning(spec, self._seated(spec.seats), device=device, remarks=self.remarks)

        return self._once("captioning", make)

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    def _section(self, section: T | None, name: str) -> T:
        if section is None:
            raise ProfileError(f"The profile “{self.profile.name}” has no [{name}] section.")
        return section

    def _seated(self, seats: tuple[Seat, ...]) -> "EncoderSet":
        """Encoders of a section's own seats, or else those of the profile."""
        if not seats:
            return self.encoders
        from .encoders.encoder_set import EncoderSet

        return EncoderSet(seats, device=self._device)

    def _task_device(self, memory_gb: float) -> str | None:
        """Device of a task's own model: on a ZeroGPU Space encoders stay on the CPU, and large models do not."""
        return "cuda" if self._device is None and borrows_gpu(memory_gb) else self._device


def open(profile: str | Path | Profile = "emoji", *, device: str | None = None) -> Lab:
    """Makes a lab for a profile: a name from `profiles.list_profiles()`, the path of a TOML file, or a Profile.

    `device` is torch's name of one, by default the GPU when there is one. Raises ProfileError.
    """
    return Lab(profile if isinstance(profile, Profile) else load_profile(profile), device=device)
