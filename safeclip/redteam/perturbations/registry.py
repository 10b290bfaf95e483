"""Tables of the perturbations, of texts and of pictures. A new one is one class, and one entry here."""

from PIL import Image

from .declaration import Perturbation
from .geometry import Crop, Flip, Rotation
from .letters import Confusables, Leetspeak, Misspelling
from .pixels import Blur, Brightness, Grayscale, Jpeg, Noise
from .sentences import Negation, OtherOrder, Padding, Politeness, TwoSentences
from .wording import NAMES, OtherLanguage, Synonyms
from .writing import WrittenWord

_ALL: tuple[Perturbation[str], ...] = (
    Synonyms(),
    Misspelling(),
    Leetspeak(),
    Confusables(),
    Negation(),
    Politeness(),
    OtherOrder(),
    Padding(),
    TwoSentences(),
    *(OtherLanguage(language) for language in NAMES),
)
_ALL_OF_PICTURES: tuple[Perturbation[Image.Image], ...] = (
    Crop(),
    Flip(),
    Rotation(),
    Jpeg(),
    Blur(),
    Noise(),
    Brightness(),
    Grayscale(),
    WrittenWord(),
)
PERTURBATIONS: dict[str, Perturbation[str]] = {each.name: each for each in _ALL}
PICTURE_PERTURBATIONS: dict[str, Perturbation[Image.Image]] = {each.name: each for each in _ALL_OF_PICTURES}
