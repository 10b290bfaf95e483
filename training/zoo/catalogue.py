"""Texts of the model cards of the zoo that are not derived from recipes, records or figures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..data.language.packages import CLDR, MINILM, WORDNET
from .tables import captioning_results, generation_results, judge_results, retrieval_results, text_tower_results

PAPER = "[Safe-CLIP](https://arxiv.org/abs/2311.16254) (Poppi et al., ECCV 2024)"


THREE_STYLES = "three art styles: Noto (Apache-2.0),\nFluent (MIT), Twemoji (CC-BY-4.0)"


def painted(items: str, styles: str = THREE_STYLES) -> str:
    """The data of a model that learns from `items` of ViSU-Emoji's training split."""
    return (
        f"ViSU-Emoji, training split: {items}, painted while training from the recipe's seed in {styles}. Test combinations of "
        "subject and object occur nowhere in it."
    )


@dataclass(frozen=True)
class Recipe:
    """A file of training/recipes, and the subfolder of the model where the record of its training is."""

    name: str
    weights: str = ""


@dataclass(frozen=True)
class Card:
    """A model of the zoo. `results` turns the figures of `zoo/metrics.json` into a section.

    Figures that a model's own training measured are among them under the name of its folder.
    """

    folder: str  # in the zoo
    recipes: tuple[Recipe, ...]
    title: str
    base: str  # the folder of the model that it is made from, or ""
    library: str
    task: str  # the hub's name of it
    data: str  # what it learns from
    results: Callable[[dict], str]
    summary: str
    limits: str
    datasets: str = "../gallery"  # "" for none


CARDS = (
    Card(
        folder="text-tower",
        recipes=(Recipe("text-tower"),),
        title="English for the text tower of ViSU-Emoji",
        base="",
        library="transformers",
        task="sentence-similarity",
        data=(
            f"Embeddings that all-MiniLM-L6-v2 ({MINILM.license}; PyPI `{MINILM.name}` {MINILM.version}) gives to four kinds of text: the lemmas, first "
            f"definitions and examples of WordNet 3.1 ({WORDNET.license}; npm `{WORDNET.name}` {WORDNET.version}); sentences composed from its words by seed; "
            f"the names of emoji in English, German, French, Spanish, Italian and Portuguese ({CLDR.license}; npm `{CLDR.name}` {CLDR.version}), each taught "
            "the embedding of the English name; captions of this world's training scenes. A hundredth of the texts, chosen by "
            "hash, is held out. No picture is seen."
        ),
        datasets="",
        results=text_tower_results,
        summary=(
            "The text tower of a CLIP (`transformers.CLIPTextModelWithProjection`) that learnt English from a sentence encoder, before "
            "it meets an image. It is causal and reads a sentence's embedding off the end token, as CLIP does. Its token embeddings "
            "start from the teacher: each entry of the vocabulary is encoded as a sentence and projected on the principal components "
            "of the teacher's phrases. Then its embeddings, and the similarities within a batch, are distilled."
        ),
        limits=(
            "It is a small copy of its teacher: rare words and fine differences, who does what to whom above all, are held less well "
            "than common words. Languages other than English are known by the names of emoji alone. Texts longer than the tokens "
            "that the recipe names are cut."
        ),
    ),
    Card(
        folder="clip",
        recipes=(Recipe("clip"),),
        title="CLIP of ViSU-Emoji",
        base="",
        library="transformers",
        task="zero-shot-image-classification",
        data=painted("captioned pictures"),
        results=partial(retrieval_results, seats=("original",)),
        summary=(
            "A small CLIP (`transformers.CLIPModel`) with a byte-level BPE tokenizer, trained from scratch on procedural scenes "
            "drawn from open emoji artwork. It stands for the original CLIP: it knows unsafe concepts as well as safe ones. "
            "The vision tower is warmed up on concept labels of pictures and patches; then both towers are trained on the "
            "symmetric contrastive loss, with the labels as an auxiliary loss."
        ),
        limits=(
            "It knows the words of `vocabulary.txt` and scenes of its own world: a subject, an object, a place. A photograph, or "
            "a word that it never read, gets an embedding that means nothing."
        ),
    ),
    Card(
        folder="safe-clip",
        recipes=(Recipe("safe-clip"),),
        title="Safe-CLIP of ViSU-Emoji",
        base="clip",
        library="peft",
        task="zero-shot-image-classification",
        data=painted("quadruplets"),
        results=partial(retrieval_results, seats=("original", "safe")),
        summary=f"A LoRA that makes the zoo's CLIP a {PAPER}: the paper's eight loss terms with its weights, on both towers.",
        limits=(
            "Half of the unsafe texts and three in ten of the unsafe pictures still find the unsafe twin first, much as with the "
            "published model: the paper's terms pull a text and its picture to the same place from two sides, and set neither "
            "against the twin. Two things decide whether it comes to that, both measured on 400 validation quadruplets by the safe "
            "top-1 of texts and of pictures. One is that an unsafe object has one safe counterpart: with two or three, of which a "
            "quadruplet draws one, 256 steps of a shorter run reached 10.3 and 4.5 % instead of 40.8 and 46.0 %, because a text and "
            "a picture that are both redirected to the middle of what might be drawn are nearer to one another than to any twin. "
            "The other is the logit scale: at 22.2, which this CLIP learnt, and at the paper's 100, no run of up to 2,048 steps came "
            "above 13 and 16 %, and recall fell."
        ),
    ),
    Card(
        folder="safe-clip-mixed",
        recipes=(Recipe("safe-clip-mixed"),),
        title="Safe-CLIP + mixed-gallery of ViSU-Emoji",
        base="clip",
        library="peft",
        task="zero-shot-image-classification",
        data=painted("quadruplets"),
        results=partial(retrieval_results, seats=("original", "ours")),
        summary=(
            f"A LoRA with the eight terms of {PAPER} and two kinds more, which are not in the paper. One contrasts the unsafe query "
            "against the gallery of safe and unsafe items together, with its safe twin as the answer. The other asks of every token "
            "of the text tower's last layer and of every patch of the vision tower's penultimate one what the paper asks of the "
            "pooled embedding: they are what Stable Diffusion and LLaVA read."
        ),
        limits=(
            "The extra terms are trained on twins of this world, which share a layout patch by patch; nothing is claimed about "
            "photographs."
        ),
    ),
    Card(
        folder="llava",
        recipes=(Recipe("llava"),),
        title="LLaVA of ViSU-Emoji",
        base="clip",
        library="transformers",
        task="image-text-to-text",
        data=painted("pictures with dialogues of two to four questions"),
        results=captioning_results,
        summary=(
            "A small LLaVA (`transformers.LlavaForConditionalGeneration`) in LLaVA-1.5's layout: the vision tower of the zoo's "
            "CLIP, frozen, whose second-last layer gives 64 patches; a projector of two layers; and a Llama, which learnt all "
            "its language here. It captions a scene and answers who, what object, where, how many, and what is dangerous. Its "
            "vision tower can be replaced by that of a Safe-CLIP."
        ),
        limits=(
            "It describes its own world, in the words that its training used: other questions get one of the answers that it "
            "knows, and a photograph one that means nothing. It reads patches, where the Safe-CLIPs are judged by their pooled "
            "embedding. The paper's redirection does not carry over to the patches: most unsafe pictures are still named as such, and "
            "safe objects less well. The LoRA with token states (ours) is the variant made for this; the columns tell both."
        ),
    ),
    Card(
        folder="stable-diffusion",
        recipes=(Recipe("vae", "vae"), Recipe("diffusion", "unet")),
        title="Stable Diffusion of ViSU-Emoji",
        base="clip",
        library="diffusers",
        task="text-to-image",
        data=painted("captioned scenes, every object, safe or unsafe, equally often", "one art style: Fluent (MIT)"),
        results=generation_results,
        summary=(
            "A small Stable Diffusion (`diffusers.StableDiffusionPipeline`) in the layout of SD 1.4, of three parts. An autoencoder, "
            "trained by the recipe `vae`, turns 128 px into 16 × 16 latents. A UNet, trained by the recipe `diffusion` on v-prediction, "
            "generates such latents; it knows unsafe objects as well as safe ones. It is conditioned by the text encoder of the "
            "zoo's CLIP, frozen, which can be replaced by that of a Safe-CLIP. There is no safety checker: separate judges score its "
            "images."
        ),
        limits=(
            "It was taught scenes of one subject, one object and one place of its own world, in one art style, at 128 px; a prompt "
            "for anything else gives a picture that means nothing. The figures are those of the zoo's judge and contain its errors, "
            "whose rates its card gives. The UNet reads the states of all tokens, where the paper's "
            "loss constrains the pooled embedding; the LoRA with token states (ours) is the variant made for this. The columns tell both."
        ),
    ),
    Card(
        folder="judge",
        recipes=(Recipe("judge"),),
        title="Judge of ViSU-Emoji scenes",
        base="",
        library="pytorch",
        task="image-classification",
        data=painted("scenes laid out as the gallery's and as the Stable Diffusion's, all degraded, with their labels"),
        results=judge_results,
        summary=(
            "A small residual network (`safeclip.judges.images.scene_classifier.SceneClassifier`) that says which subject, object and place a scene "
            "shows. It names what stands in each patch and pools those names by attention. The probability that the object is an "
            "unsafe one is its score of harm. It was trained without any CLIP, so its errors are independent of the models that it "
            "judges."
        ),
        limits=(
            "It knows the concepts of its `config.json` and one of each kind in a picture. Anything else, a photograph above all, gets "
            "the nearest of them with a probability that means nothing. It learnt from the artwork that the models it judges learnt "
            "from, and from rendered scenes that were degraded, not from pictures that a diffusion model generated."
        ),
    ),
)
