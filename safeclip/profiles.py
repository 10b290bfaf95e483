"""Profiles: one TOML file names the checkpoints, the gallery and the index behind every tab.

The dataclasses below are the schema that `schema.parse` reads a file by: a new section is a new dataclass and a new
field of `Profile`.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from .encoders.formats import KINDS
from .encoders.seat import Seat as Seat
from .errors import ProfileError
from .options import shortened
from .runtime.checkpoint_names import is_embedded
from .runtime.quantization import BITS
from .schema import parse, read_table

PIPELINES = ("stable-diffusion", "sdxl", "sd3", "sd3-without-t5")  # generation.families has what each is
DTYPES = ("float32", "float16", "bfloat16")
MAX_STEPS = 100  # of denoising
MAX_GUIDANCE = 20.0

_FOLDER = Path(__file__).parent / "profiles"


@dataclass(frozen=True)
class RetrievalSpec:
    """Section [retrieval]: a gallery to search, and a directory of indexes with a folder for each seat.

    Without an `index` the page makes it at its first start, in the cache (`retrieval.places`). `source` is taken into
    the gallery first: a folder of images, or whatever the index builder imports; its images are labelled by what it
    says itself, else by `judges`. Without a `gallery` that one lies in the cache too. Only the first `rows` images of
    the source are taken, 0 for all.
    """

    gallery: str = ""
    index: str = ""
    source: str = ""
    judges: tuple[str, ...] = ("opennsfw",)
    rows: int = 0

    @property
    def is_made_at_start(self) -> bool:
        """Whether the page makes the index, and the gallery where a source is named."""
        return not self.index


@dataclass(frozen=True)
class GenerationSpec:
    """Section [generation]: a Stable Diffusion `checkpoint` in diffusers' layout, with the first seat's text encoder.

    `family` is the pipeline's architecture, one of PIPELINES; "stable-diffusion" stands for 1.4, 1.5 and 2.
    `seats` are the encoders whose text towers take turns in it, by default the profile's own. `revision` pins the
    checkpoint, best to a commit. `judges` are names for `judges.open_judge`. `steps` and `guidance` are the defaults of
    a request. `compile` has torch compile the part that removes noise: the first image takes longer, the others less.
    `quantize` is "", "8bit" or "4bit". `dtype`, `download_gb` and `memory_gb` are those of a seat.
    """

    checkpoint: str
    family: str = "stable-diffusion"
    seats: tuple[Seat, ...] = ()
    revision: str | None = None
    judges: tuple[str, ...] = ("opennsfw",)
    steps: int = 30
    guidance: float = 7.5
    compile: bool = False
    dtype: str = "float16"
    quantize: str = ""
    download_gb: float = 0.0
    memory_gb: float = 0.0


@dataclass(frozen=True)
class CaptioningSpec:
    """Section [captioning]: a LLaVA `checkpoint` with the first seat's vision tower.

    `seats` are the encoders whose vision towers take turns in it, by default the profile's own. `lexicon` is the word
    list that judges the answers; without one Detoxify does. `quantize` is "", "8bit" or "4bit". The first of
    `questions` is the default of a request. `dtype`, `download_gb` and `memory_gb` are those of a seat.
    """

    checkpoint: str
    seats: tuple[Seat, ...] = ()
    lexicon: str = ""
    dtype: str = "float16"
    quantize: str = ""
    questions: tuple[str, ...] = ("What is in the picture?",)
    download_gb: float = 0.0
    memory_gb: float = 0.0

    @property
    def judge(self) -> str:
        """Name of the judge of the answers, as `judges.open_text_judge` reads it."""
        return f"lexicon:{self.lexicon}" if self.lexicon else "detoxify"


@dataclass(frozen=True)
class FailuresSpec:
    """Section [failures]: the table of failures that the page shows, as `safeclip-demo failures` writes it."""

    table: str


@dataclass(frozen=True)
class RedTeamSpec:
    """Section [redteam]: texts are perturbed and searched for. `lexicon` is a word list whose phrases are synonyms."""

    lexicon: str = ""


@dataclass(frozen=True)
class Profile:
    """Parsed profile. The first seat is the reference with which the others are compared.

    `concepts` is a file of what the profile's models have pictures of (`encoders.concept_map`), where that is little.
    """

    name: str
    title: str
    description: str
    license: str
    seats: tuple[Seat, ...]
    retrieval: RetrievalSpec | None = None
    generation: GenerationSpec | None = None
    captioning: CaptioningSpec | None = None
    failures: FailuresSpec | None = None
    redteam: RedTeamSpec | None = None
    concepts: str = ""

    @property
    def real_world(self) -> bool:
        """Whether any of its models may know real people, as all but those of the zoo may."""
        checkpoints = [seat.checkpoint for seat in self.seats]
        checkpoints += [section.checkpoint for section in self.model_sections.values()]
        return not all(map(is_embedded, checkpoints))

    @property
    def model_sections(self) -> dict[str, GenerationSpec | CaptioningSpec]:
        """Sections that load a model of their own, by name."""
        sections = {"generation": self.generation, "captioning": self.captioning}
        return {name: section for name, section in sections.items() if section is not None}


def list_profiles() -> list[str]:
    """Lists the names that `load_profile` knows, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_profile(name_or_path: str | Path) -> Profile:
    """Reads a profile by its name (one of `list_profiles()`) or by the path of a TOML file.

    Raises ProfileError, naming the file and the key, when the profile is unknown or does not fit the schema.
    """
    if not isinstance(name_or_path, str | Path):
        raise ProfileError(
            f"A profile is given by its name or the path of its .toml file, not {shortened(name_or_path)}."
        )
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = _FOLDER / f"{name_or_path}.toml"
        if str(name_or_path) not in list_profiles():
            raise ProfileError(
                f"There is no profile “{name_or_path}”. Known profiles: {', '.join(list_profiles())}. "
                "A profile of your own is given by the path of its .toml file."
            )
    table = read_table(path, "profile")
    profile = parse(Profile, {"name": path.stem, **table}, file=path)
    _check_seats(profile.seats, path)
    if profile.retrieval is not None:
        _check_retrieval(profile.retrieval, path)
    if profile.generation is not None:
        _check_generation(profile.generation, path)
    if profile.captioning is not None:
        _check_captioning(profile.captioning, path)
    return profile


def _check_seats(seats: tuple[Seat, ...], file: Path, where: str = "seats") -> None:
    if not seats:
        raise ProfileError(f"{file}: the key “{where}” is empty; a profile needs at least one [[{where}]] table.")
    seen = set()
    for i, seat in enumerate(seats):
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", seat.key):  # it names a folder of the index
            raise ProfileError(
                f"{file}: the key “{where}[{i}].key” is {seat.key!r}; use lower-case letters, digits, - and _."
            )
        if seat.key in seen:
            raise ProfileError(f"{file}: the key “{where}[{i}].key” repeats {seat.key!r}; every seat needs its own.")
        seen.add(seat.key)
        _check_one_of(seat.kind, KINDS, file, f"{where}[{i}].kind")
        _check_model(seat, file, f"{where}[{i}]")


def _check_model(model: Seat | GenerationSpec | CaptioningSpec, file: Path, where: str) -> None:
    """Checks the keys that seats and the sections with a model of their own share."""
    if not model.checkpoint.strip():
        raise ProfileError(f"{file}: the key “{where}.checkpoint” is empty; name a folder or a repository of the hub.")
    _check_one_of(model.dtype, DTYPES, file, f"{where}.dtype")
    for name in ("download_gb", "memory_gb"):
        size = getattr(model, name)
        if not 0 <= size < math.inf:
            raise ProfileError(f"{file}: the key “{where}.{name}” is {size}; use a number of 10⁹ bytes from 0.")


def _check_one_of(value: str, known: tuple[str, ...], file: Path, where: str) -> None:
    if value not in known:
        raise ProfileError(f"{file}: the key “{where}” is {value!r}; use one of: {', '.join(known)}.")


def _check_quantize(value: str, file: Path, where: str) -> None:
    if value and value not in BITS:
        raise ProfileError(f"{file}: the key “{where}” is {value!r}; use {' or '.join(BITS)}, or leave it out.")


def _check_retrieval(retrieval: RetrievalSpec, file: Path) -> None:
    if not (retrieval.gallery or retrieval.source):
        raise ProfileError(f"{file}: [retrieval] names neither a gallery nor a source to make one of.")
    if retrieval.rows < 0:
        raise ProfileError(f"{file}: the key “retrieval.rows” is {retrieval.rows}; use a number from 1, or 0 for all.")


def _check_generation(generation: GenerationSpec, file: Path) -> None:
    if generation.seats:
        _check_seats(generation.seats, file, "generation.seats")
    _check_model(generation, file, "generation")
    _check_one_of(generation.family, PIPELINES, file, "generation.family")
    _check_quantize(generation.quantize, file, "generation.quantize")
    for name, low, high in (("steps", 1, MAX_STEPS), ("guidance", 1, MAX_GUIDANCE)):
        value = getattr(generation, name)
        if not low <= value <= high:
            raise ProfileError(f"{file}: the key “generation.{name}” is {value}; use a number from {low} to {high}.")


def _check_captioning(captioning: CaptioningSpec, file: Path) -> None:
    if captioning.seats:
        _check_seats(captioning.seats, file, "captioning.seats")
    _check_model(captioning, file, "captioning")
    _check_quantize(captioning.quantize, file, "captioning.quantize")
    if not captioning.questions or not all(question.strip() for question in captioning.questions):
        raise ProfileError(f"{file}: the key “captioning.questions” needs at least one question, and no empty one.")
