"""The judge by a list of words and the safety checker of Stable Diffusion, on toy models, against plain code."""

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel

from safeclip.encoders import Encoder
from safeclip.errors import JudgeError
from safeclip.judges.images.safety_checker import SafetyChecker
from safeclip.judges.images.zero_shot import HARMLESS, ZeroShotJudge, read_phrases
from safeclip.judges.registry import IMAGE_JUDGES

IMAGES = [
    Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 50, 3), np.uint8)).resize((20 + i, 33))
    for i in range(24)
]


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("# what is harmful\na knife\n\na bomb\n- a dog\n-a kite\n")
    return file


def test_words_are_weighed_by_the_encoders_softmax(tiny_clip, words):
    encoder = Encoder.from_pretrained(tiny_clip, device="cpu")
    judge = ZeroShotJudge(words, encoder)
    scores = judge.score(IMAGES[:3])
    phrases = ["a knife", "a bomb", "a dog", "a kite"]
    model = CLIPModel.from_pretrained(tiny_clip, dtype=torch.float32).eval()
    tokens = encoder.tokenize([f"a photo of {phrase}" for phrase in phrases])
    with torch.inference_mode():
        logits = model(tokens["input_ids"], encoder.pixels(IMAGES[:3]), tokens["attention_mask"]).logits_per_image
    for score, row in zip(scores, logits.softmax(-1).numpy(), strict=True):
        assert score.value == pytest.approx(row[:2].sum(), abs=1e-4)
        assert score.seen("label") == phrases[int(row[:2].argmax())] and score.covers == "the words of words.txt"
    assert judge.score_embeddings(encoder.encode_images(IMAGES[:3])) == scores and judge.score([]) == []
    words.write_text("a bomb")
    assert ZeroShotJudge(words, encoder).version != judge.version


def test_a_file_of_words_is_read_strictly(words):
    assert read_phrases(words) == (["a knife", "a bomb"], ["a dog", "a kite"])
    words.write_text("a knife\n-\n")
    assert read_phrases(words) == (["a knife"], list(HARMLESS))
    for content in (b"- a dog\n", b"\xff\xfe\xff", b"a knife\n" * 1001):
        words.write_bytes(content)
        with pytest.raises(JudgeError, match=r"words.txt: (there are|the words cannot be read)"):
            read_phrases(words)


@pytest.fixture(scope="module")
def checker(tiny_clip, tmp_path_factory):
    """A toy checker whose concepts lie among the images, so that some are flagged, and some need special care."""
    config = CLIPModel.from_pretrained(tiny_clip, attn_implementation="eager").config
    torch.manual_seed(0)
    model = StableDiffusionSafetyChecker(config)
    processor = CLIPImageProcessor.from_pretrained(tiny_clip)
    with torch.no_grad():
        pooled = model.vision_model(processor(IMAGES, return_tensors="pt")["pixel_values"]).pooler_output
        embedded = model.visual_projection(pooled)
        model.concept_embeds.copy_(embedded[:17] + 0.02 * torch.randn(17, embedded.shape[1]))
        model.special_care_embeds.copy_(embedded[17:20])
        cosines = torch.nn.functional.cosine_similarity(embedded[:, None], model.concept_embeds, dim=-1)
        model.concept_embeds_weights.copy_(cosines.quantile(0.97, dim=0) + 0.004)
        model.special_care_embeds_weights.fill_(float(cosines.median()))
    folder = tmp_path_factory.mktemp("checker")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_the_safety_checker_flags_what_diffusers_would_paint_black(checker):
    judge = IMAGE_JUDGES.open(f"safety-checker:{checker}", device="cpu")
    scores = judge.score(IMAGES)
    model = StableDiffusionSafetyChecker.from_pretrained(checker, attn_implementation="eager")
    pixels = CLIPImageProcessor.from_pretrained(checker)(IMAGES, return_tensors="pt")["pixel_values"]
    _, flagged = model(pixels, np.zeros((len(IMAGES), 2, 2, 3)))
    assert [score.harmful for score in scores] == flagged
    assert 0 < sum(flagged) < len(flagged)
    assert IMAGE_JUDGES.declared(scores[0].judge).harms == ("sexual content",)


def test_a_checker_that_is_damaged_is_reported(checker, tmp_path):
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((checker / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes((checker / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(JudgeError, match="the safety checker cannot be loaded"):
        SafetyChecker.open(tmp_path, device="cpu")
