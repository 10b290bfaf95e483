"""The lab: one object that holds a profile and loads what it names when that is first used."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ProfileError
from .paths import resolve
from .profiles import Profile, RetrievalSpec, Seat, load_profile
from .runtime.machine import borrows_gpu

if TYPE_CHECKING:
    from .captioning.compare import Captioning
    from .encoders.encoder_set import EncoderSet
    from .generation.compare import Generation
    from .retrieval.compare import Retrieval
    from .retrieval.gallery import Gallery


class Lab:
    """A profile's encoders, gallery and jobs. Making one loads nothing; it may be shared by threads."""

    def __init__(self, profile: Profile, *, device: str | None = None) -> None:
        self.profile = profile
        self._device = device
        self._encoders: EncoderSet | None = None
        self._gallery: Gallery | None = None
        self._retrieval: Retrieval | None = None
        self._generation: Generation | None = None
        self._captioning: Captioning | None = None
        self._lock = threading.RLock()

    @property
    def encoders(self) -> "EncoderSet":
        """Seat key → encoder; each is loaded when it is first looked up."""
        with self._lock:
            if self._encoders is None:
                from .encoders.encoder_set import EncoderSet

                self._encoders = EncoderSet(self.profile.seats, device=self._device)
            return self._encoders

    @property
    def gallery(self) -> "Gallery":
        """Raises ProfileError when the profile names none, GalleryError when it cannot be read."""
        with self._lock:
            if self._gallery is None:
                from .retrieval.gallery import Gallery

                self._gallery = Gallery.open(resolve(self._retrieval_spec.gallery))
            return self._gallery

    @property
    def retrieval(self) -> "Retrieval":
        """Raises as `gallery` does; a faulty encoder or index is told by the seat that needs it."""
        with self._lock:
            if self._retrieval is None:
                from .retrieval.compare import Retrieval

                self._retrieval = Retrieval(self.encoders, self.gallery, resolve(self._retrieval_spec.index))
            return self._retrieval

    @property
    def generation(self) -> "Generation":
        """Raises ProfileError when the profile names none; its checkpoint is loaded by the first prompt."""
        with self._lock:
            if self._generation is None:
                spec = self.profile.generation
                if spec is None:
                    raise ProfileError(f"The profile “{self.profile.name}” has no [generation] section.")
                from .generation.compare import Generation

                self._generation = Generation(spec, self._seated(spec.seats), device=self._job_device(spec.memory_gb))
            return self._generation

    @property
    def captioning(self) -> "Captioning":
        """Raises ProfileError when the profile names none; its checkpoint is loaded by the first question."""
        with self._lock:
            if self._captioning is None:
                spec = self.profile.captioning
                if spec is None:
                    raise ProfileError(f"The profile “{self.profile.name}” has no [captioning] section.")
                from .captioning.compare import Captioning

                self._captioning = Captioning(spec, self._seated(spec.seats), device=self._job_device(spec.memory_gb))
            return self._captioning

    def _seated(self, seats: tuple[Seat, ...]) -> "EncoderSet":
        """The encoders of a section's own seats, or else those of the profile."""
        if not seats:
            return self.encoders
        from .encoders.encoder_set import EncoderSet

        return EncoderSet(seats, device=self._device)

    def _job_device(self, memory_gb: float) -> str | None:
        """Where a job's own model runs: encoders stay on the CPU of a ZeroGPU Space, and large models do not."""
        return "cuda" if self._device is None and borrows_gpu(memory_gb) else self._device

    @property
    def _retrieval_spec(self) -> RetrievalSpec:
        if self.profile.retrieval is None:
            raise ProfileError(f"The profile “{self.profile.name}” has no [retrieval] section.")
        return self.profile.retrieval


def open(profile: str | Path | Profile = "emoji", *, device: str | None = None) -> Lab:
    """A lab for a profile: a name out of `profiles.list_profiles()`, the path of a TOML file, or a Profile.

    `device` is torch's name of one, by default the GPU when there is one. Raises ProfileError.
    """
    return Lab(profile if isinstance(profile, Profile) else load_profile(profile), device=device)
