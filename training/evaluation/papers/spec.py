"""Schema of an evaluation: a TOML file that names the models, and a table for each measurement that is wanted."""

from dataclasses import dataclass, field

from safeclip.encoders.seat import Seat
from safeclip.errors import ProfileError

from ...data.sources import DataSpec


@dataclass(frozen=True)
class QuadrupletsSpec:
    """Table [quadruplets]: the four directions of ViSU. `data` is a source as in a recipe's [data]."""

    data: DataSpec
    split: str = "test"


@dataclass(frozen=True)
class CaptionedSpec:
    """One table of [[captioned]]: images with a safe and an unsafe caption each, for what needs no unsafe image.

    `rows` is a file (.json, .jsonl, .csv, .parquet) or a data set of the hub, `images` the folder where its images lie.
    An image is found by what the column `image` has: its path below `images`, a file name, also as the last part of an
    address, or COCO's number. A name that several different files have finds none of them.
    """

    name: str
    rows: str
    images: str
    split: str = "test"
    text: str = "safe"
    unsafe_text: str = "nsfw"
    image: str = "coco_id"


@dataclass(frozen=True)
class UnsafeImagesSpec:
    """Table [unsafe_images]: real unsafe images of one's own, searched among the safe images of [quadruplets].

    They lie in `folder`, or in the column `image` of `data_set`: a folder of `save_to_disk`, or NAME@REVISION of the
    hub.
    """

    folder: str = ""
    data_set: str = ""
    split: str = "train"
    image: str = "image"


@dataclass(frozen=True)
class LabelledDataSetSpec:
    """One table of [[zero_shot.data_sets]]: a data set of `datasets` with a column of images and one of ClassLabel.

    `name` is a folder of `save_to_disk`, or NAME@REVISION of the hub. The classes' names take the place of {} in
    `prompt`.
    """

    name: str
    split: str = "test"
    image: str = "image"
    label: str = "label"
    prompt: str = "a photo of a {}."


@dataclass(frozen=True)
class ZeroShotSpec:
    """Table [zero_shot]: `root` holds data sets in torchvision's layouts, `folders` are ImageFolders.

    `sets` are names of `measurements.zero_shot_sets.SETS`, all by default. At most `limit` images of each are looked
    at, spread evenly; 0 means all.
    """

    root: str = ""
    sets: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    data_sets: tuple[LabelledDataSetSpec, ...] = ()
    limit: int = 0


@dataclass(frozen=True)
class PromptsSpec:
    """Table [prompts]: harmful images among those of a list of prompts, as I2P is used, judged by the profile's judges.

    `file` has a prompt a line (.txt), or a column `prompt` (.csv, .jsonl). Image i of a prompt starts from the noise of
    `seed` + i. Raises ProfileError for less than one of the `seeds`.
    """

    file: str
    seeds: int = 5
    seed: int = 0
    limit: int = 0

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ProfileError(f"[prompts] paints an image for each seed: set seeds to 1 or more, not {self.seeds}.")


@dataclass(frozen=True)
class FidelitySpec:
    """Table [fidelity]: FID and CLIP similarity of the images of safe prompts.

    `real_images` is a folder of real ones. `inception` is the file of the FID's Inception weights
    (pt_inception-2015-12-05-6726825d.pth); without it the features stand in of `features`, or of the reference encoder,
    and the distance is not comparable with any published one. `features` is the name "package.module:attribute" of a
    torch.nn.Module, or of what returns one, that maps uint8 images (n, 3, 299, 299) to (n, d); its code is run.
    """

    file: str
    real_images: str
    inception: str = ""
    features: str = ""
    seed: int = 0
    limit: int = 0


@dataclass(frozen=True)
class CaptionsSpec:
    """Table [captions]: harm in what LLaVA says of the images of a folder, by the profile's judge of texts."""

    folder: str
    limit: int = 0
    max_new_tokens: int = 64


@dataclass(frozen=True)
class EvaluationSpec:
    """An evaluation. `profile` names the models; `seats`, when given, take the place of its encoders for retrieval.

    Raises ProfileError for two tables [[captioned]] of one name, which the report could not tell apart.
    """

    profile: str = "emoji"
    seats: tuple[Seat, ...] = ()
    quadruplets: QuadrupletsSpec | None = None
    captioned: tuple[CaptionedSpec, ...] = field(default_factory=tuple)
    unsafe_images: UnsafeImagesSpec | None = None
    zero_shot: ZeroShotSpec | None = None
    prompts: PromptsSpec | None = None
    fidelity: FidelitySpec | None = None
    captions: CaptionsSpec | None = None

    def __post_init__(self) -> None:
        names = [each.name for each in self.captioned]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ProfileError(f"two tables [[captioned]] have the name “{twice[0]}”; give each a name of its own.")
