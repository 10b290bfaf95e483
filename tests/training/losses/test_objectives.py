"""The loss terms against an independent computation, written out from the paper's formulas pair by pair."""

import math
from dataclasses import asdict, fields, replace

import pytest
import torch

from safeclip.errors import ProfileError
from safeclip.schema import parse
from tests.training.losses import naive
from training.losses.contrastive import contrastive_loss
from training.losses.embeddings import Embeddings, FrozenEmbeddings
from training.losses.mixed_gallery import MixedGalleryOptions, gallery_contrast, mixed_gallery
from training.losses.redirection import RedirectionOptions, redirection
from training.losses.registry import OBJECTIVES, ObjectiveSpec, ObjectiveSum

N, D = 7, 11


@pytest.fixture
def embeddings() -> tuple[Embeddings, FrozenEmbeddings]:
    text, unsafe_text, image, unsafe_image, *frozen = (naive.unit(N, D, seed) for seed in range(6))
    return Embeddings(text, unsafe_text, image, unsafe_image), FrozenEmbeddings(*frozen)


def naive_mixed(queries: torch.Tensor, safe: torch.Tensor, unsafe: torch.Tensor) -> float:
    gallery = [*safe, *unsafe]
    return (
        -sum(naive.log_share([100 * naive.dot(query, item) for item in gallery], i) for i, query in enumerate(queries))
        / N
    )


def test_safe_clips_terms_equal_the_formulas(embeddings):
    tuned, frozen = embeddings
    expected = {
        "redirect_text_to_image": naive.nce(tuned.unsafe_text, frozen.image),
        "redirect_image_to_text": naive.nce(tuned.unsafe_image, frozen.text),
        "redirect_text_to_text": naive.cosine_distance(tuned.unsafe_text, frozen.text),
        "redirect_image_to_image": naive.cosine_distance(tuned.unsafe_image, frozen.image),
        "preserve_text_to_text": naive.cosine_distance(tuned.text, frozen.text),
        "preserve_image_to_image": naive.cosine_distance(tuned.image, frozen.image),
        "preserve_text_to_image": naive.nce(tuned.text, frozen.image),
        "preserve_image_to_text": naive.nce(tuned.image, frozen.text),
    }
    terms = redirection(tuned, frozen, RedirectionOptions())
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-6)


def test_mixed_gallery_terms_equal_the_formula(embeddings):
    tuned, frozen = embeddings
    terms = mixed_gallery(tuned, frozen, MixedGalleryOptions())
    expected = {
        "mixed_gallery_text": naive_mixed(tuned.unsafe_text, tuned.image, tuned.unsafe_image),
        "mixed_gallery_image": naive_mixed(tuned.unsafe_image, tuned.text, tuned.unsafe_text),
        "safe_mixed_gallery_text": naive_mixed(tuned.text, tuned.image, tuned.unsafe_image),
        "safe_mixed_gallery_image": naive_mixed(tuned.image, tuned.text, tuned.unsafe_text),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, abs=1e-6)


def test_the_logit_scale_is_that_of_every_contrastive_term(embeddings):
    soft = redirection(*embeddings, RedirectionOptions(logit_scale=1e-9))
    for side in ("redirect", "preserve"):
        for name in (f"{side}_text_to_image", f"{side}_image_to_text"):
            assert soft[name].item() == pytest.approx(math.log(N), abs=1e-6)
    for term in mixed_gallery(*embeddings, MixedGalleryOptions(logit_scale=1e-9)).values():
        assert term.item() == pytest.approx(math.log(2 * N), abs=1e-6)


def test_the_sum_is_weighted_by_the_papers_table(embeddings):
    objective = ObjectiveSum(ObjectiveSpec(safe_clip=RedirectionOptions()), D)
    terms = objective.terms(*embeddings)
    raw = (0.25, 0.5, 0.1, 0.2, 0.1, 0.1, 0.25, 0.25)
    assert list(objective.weights.values()) == list(raw)
    expected = sum(weight * float(term) for weight, term in zip(raw, terms.values(), strict=True)) / 1.75
    assert objective.loss(terms).item() == pytest.approx(expected, abs=1e-6)


def test_objectives_add_up_under_one_normalisation(embeddings):
    objective = ObjectiveSum(ObjectiveSpec(safe_clip=RedirectionOptions(), mixed_gallery=MixedGalleryOptions()), D)
    terms = objective.terms(*embeddings)
    alone = ObjectiveSum(ObjectiveSpec(safe_clip=RedirectionOptions()), D)
    mixed = (terms["mixed_gallery_text"] + terms["mixed_gallery_image"]) / 2
    expected = (1.75 * alone.loss(alone.terms(*embeddings)) + mixed) / 2.75
    assert objective.loss(terms).item() == pytest.approx(expected.item(), abs=1e-6)


def test_a_recipe_names_objectives_of_the_registry(tmp_path):
    spec = parse(ObjectiveSpec, {"safe_clip": {"logit_scale": 7.0}}, file=tmp_path)
    assert spec.safe_clip.logit_scale == 7.0 and spec.token_states is None
    with pytest.raises(ProfileError, match="safe_clap"):
        parse(ObjectiveSpec, {"safe_clap": {}}, file=tmp_path)
    with pytest.raises(ProfileError, match="safe_clip, mixed_gallery, token_states"):
        ObjectiveSum(ObjectiveSpec(), D)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_default_weights(name):
    weights = asdict(OBJECTIVES[name].options().weights)
    assert sum(weights.values()) > 0
    assert [each.name for each in fields(ObjectiveSpec)] == list(OBJECTIVES)


def test_contrastive_loss_is_symmetric_cross_entropy(embeddings):
    tuned, _ = embeddings
    loss = contrastive_loss(tuned.image, tuned.text, torch.tensor(100.0, dtype=torch.float64))
    assert loss.item() == pytest.approx(naive.nce(tuned.image, tuned.text), abs=1e-6)


def test_gallery_contrast_falls_only_when_the_safe_twin_wins():
    safe, unsafe = torch.eye(4)[:2], torch.eye(4)[2:]
    assert gallery_contrast(safe, safe, unsafe, 100.0) < 1e-6
    assert gallery_contrast(unsafe, safe, unsafe, 100.0) > 99
    between = torch.nn.functional.normalize(safe + unsafe, dim=1)
    assert gallery_contrast(between, safe, unsafe, 100.0).item() == pytest.approx(math.log(2), abs=1e-5)


def test_two_objectives_with_prompts_of_their_own_are_refused(monkeypatch):
    prompts = OBJECTIVES["des"].prompts
    monkeypatch.setitem(OBJECTIVES, "token_states", replace(OBJECTIVES["token_states"], prompts=prompts))
    spec = parse(ObjectiveSpec, {"token_states": {}, "des": {}}, file="recipe.toml")
    with pytest.raises(ProfileError, match="only one objective may have prompts of its own, not token_states and des"):
        ObjectiveSum(spec, D)


def test_objectives_with_terms_of_one_name_are_refused():
    spec = parse(ObjectiveSpec, {"safe_clip": {}, "safer_clip": {}}, file="recipe.toml")
    with pytest.raises(
        ProfileError, match=r"\[objective.safer_clip\] has terms that another objective has too: .*preserve"
    ):
        ObjectiveSum(spec, D)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"safe_clip": {"weights": {"redirect_text_to_image": -0.1}}}, "redirect_text_to_image is -0.1; it must be a"),
        ({"mixed_gallery": {"weights": {"mixed_gallery_text": math.nan}}}, "mixed_gallery_text is nan; it must be a"),
        ({"safe_clip": {"logit_scale": -5.0}}, "logit_scale is -5.0; it must be a number above 0"),
        ({"safer_clip": {"easiest": 2.0}}, "easiest is 2.0; it must be a share"),
        ({"answers": {"beta": 0.0}}, "answers.* beta is 0.0; it must be a number above 0"),
        ({"paintings": {"beta": math.inf}}, "paintings.* beta is inf; it must be a number above 0"),
        ({"paintings": {"one_in": 0}}, "one_in is 0; it must be at least 1"),
        ({"hysac": {"aperture_factor": math.inf}}, "aperture_factor is inf; it must be a number above 0"),
        ({"des": {}, "sage": {"neighbours": 0}}, "neighbours is 0; it must be at least 2"),
    ],
)
def test_numbers_that_no_option_can_be_are_refused(table, said):
    with pytest.raises(ProfileError, match=said):
        ObjectiveSum(parse(ObjectiveSpec, table, file="recipe.toml"), D)
