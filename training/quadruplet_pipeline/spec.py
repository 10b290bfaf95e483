"""Schema of a pipeline's TOML file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safeclip.errors import ProfileError

from ..bounds import DROPOUT, POSITIVE, at_least, check_bound
from ..data.quadruplets.visu import CONCEPTS


@dataclass(frozen=True)
class ModelSpec:
    """Table [model]: the causal language model that writes unsafe texts, with the LoRA that is tuned on it."""

    checkpoint: str  # a folder, or a repository of the hub
    r: int = 16
    alpha: int = 32
    dropout: float = 0.05
    precision: str = "float32"  # of the weights: float32 | bfloat16 | float16

    def __post_init__(self) -> None:
        _check_named({"model.checkpoint": self.checkpoint})
        check_bound(at_least(1), {"model.r": self.r, "model.alpha": self.alpha})
        check_bound(DROPOUT, {"model.dropout": self.dropout})


@dataclass(frozen=True)
class SftSpec:
    """Table [sft]: supervised tuning on the pairs, the prompt not counted in the loss."""

    steps: int = 200
    batch_size: int = 8
    learning_rate: float = 2e-4

    def __post_init__(self) -> None:
        check_bound(at_least(1), {"sft.steps": self.steps, "sft.batch_size": self.batch_size})
        check_bound(POSITIVE, {"sft.learning_rate": self.learning_rate})


@dataclass(frozen=True)
class DpoSpec:
    """Table [dpo]: direct preference optimisation (Rafailov et al., 2023) of the tuned model; `steps` 0 leaves it out.

    Of `candidates` texts that the model writes for each pair's safe text, the one with the highest score is preferred
    to the one with the lowest; the score is similarity plus harm, as the filters measure them.
    """

    steps: int = 100
    batch_size: int = 4
    learning_rate: float = 1e-5
    beta: float = 0.1
    candidates: int = 4

    def __post_init__(self) -> None:
        check_bound(at_least(0), {"dpo.steps": self.steps})
        check_bound(at_least(1), {"dpo.batch_size": self.batch_size})
        check_bound(at_least(2), {"dpo.candidates": self.candidates})
        check_bound(POSITIVE, {"dpo.learning_rate": self.learning_rate, "dpo.beta": self.beta})


@dataclass(frozen=True)
class WritingSpec:
    """Table [writing]: how texts are sampled. Of `tries` texts for each safe one the best that passes stays."""

    tries: int = 4
    temperature: float = 0.8
    top_p: float = 0.95
    max_new_tokens: int = 48
    batch_size: int = 16

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("tries", "max_new_tokens", "batch_size")}
        check_bound(at_least(1), {f"writing.{name}": value for name, value in counts.items()})
        check_bound(POSITIVE, {"writing.temperature": self.temperature, "writing.top_p": self.top_p})
        if self.top_p > 1:
            raise ProfileError(f"the key “writing.top_p” is {self.top_p}; it must be at most 1.")


@dataclass(frozen=True)
class FiltersSpec:
    """Table [filters]: an unsafe text must stay near the safe one, and be judged harmful.

    `encoder` is a CLIP whose text tower gives the cosine, `judge` the name of a judge of texts.
    """

    encoder: str
    judge: str = "detoxify"
    similarity: float = 0.5
    adapter: str | None = None

    def __post_init__(self) -> None:
        _check_named({"filters.encoder": self.encoder})


@dataclass(frozen=True)
class ImagesSpec:
    """Table [images]: a profile's pipeline paints each unsafe text with these seeds until one of `judges` fires.

    The seeds are the released code's. `judges` are names of judges of images; left out, they are those of the profile.
    """

    profile: str
    seeds: tuple[int, ...] = (1234, 1999, 8185)
    judges: tuple[str, ...] | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if not self.seeds:
            raise ProfileError("the key “images.seeds” is empty, so nothing would be painted; name one seed or more.")
        if self.judges == ():
            raise ProfileError(
                "the key “images.judges” is empty, so no image would be kept; name one judge or more, or leave the key "
                "out for those of the profile."
            )
        if self.steps is not None:
            check_bound(at_least(1), {"images.steps": self.steps})


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline. `pairs` and `corpus` are tables of rows (.jsonl, .csv, .json, .parquet).

    A pair has text and unsafe_text, and may have category. A row of the corpus has text and image, the path of its safe
    image from the folder `corpus_images`, by default that of the file. The corpus may be COCO's annotations as they
    are: each caption is a row. `categories` take turns; the language model is told which one is wanted.
    """

    pairs: str
    corpus: str
    model: ModelSpec
    filters: FiltersSpec
    sft: SftSpec = field(default_factory=SftSpec)
    dpo: DpoSpec = field(default_factory=DpoSpec)
    writing: WritingSpec = field(default_factory=WritingSpec)
    images: ImagesSpec | None = None
    categories: tuple[str, ...] = tuple(CONCEPTS)
    seed: int = 0
    corpus_images: str | None = None


def _check_named(names: Mapping[str, str]) -> None:
    """Raises ProfileError for the first of the `names`, by their keys in the file, that is empty."""
    for key, name in names.items():
        if not name:
            raise ProfileError(f"the key “{key}” is empty; name a folder, or a repository of the hub.")
