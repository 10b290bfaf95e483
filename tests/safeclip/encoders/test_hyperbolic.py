"""HySAC's encoder against PEFT's own forward pass and the textbook's formulas, and its hits against true distances."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import safeclip
from safeclip.encoders import Encoder, lorentz
from safeclip.encoders.blending import blend
from safeclip.errors import CheckpointError
from safeclip.profiles import load_profile
from safeclip.retrieval.stores.faiss_store import FaissStore

TEXTS = ["a chef holding a knife in the kitchen", "a dog", "a bomb on the beach"]
CURVATURE = 1.7
SCALES = {"textual_alpha": 0.4, "visual_alpha": 0.9}
ROOT_C = math.sqrt(CURVATURE)


@pytest.fixture(scope="module")
def towers(tiny_clip):
    """Both towers with a LoRA each, as the published code makes them: (text, vision)."""
    from peft import LoraConfig, get_peft_model
    from transformers import CLIPTextModelWithProjection, CLIPVisionModelWithProjection

    torch.manual_seed(3)
    config = LoraConfig(
        r=16,
        lora_alpha=1,
        target_modules=["k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding"],
        init_lora_weights=False,
    )
    kinds = (CLIPTextModelWithProjection, CLIPVisionModelWithProjection)
    return tuple(get_peft_model(kind.from_pretrained(tiny_clip, projection_dim=16), config).eval() for kind in kinds)


@pytest.fixture(scope="module")
def checkpoint(towers, tmp_path_factory):
    """The published layout: one archive of tensors, and the bounds of safety."""
    directory = tmp_path_factory.mktemp("hysac")
    text, vision = towers
    content = {f"textual.{key}": tensor for key, tensor in text.state_dict().items()}
    content |= {f"visual.{key}": tensor for key, tensor in vision.state_dict().items()}
    content |= {name: torch.tensor(value).log() for name, value in {**SCALES, "curv": CURVATURE}.items()}
    content |= {
        "logit_scale": torch.tensor(4.6052),
        "pixel_mean": torch.zeros(3, 1, 1),
        "pixel_std": torch.ones(3, 1, 1),
    }
    torch.save(content, directory / "hysac_model.pth")
    bounds = {"S": {"up_95": 0.3, "mean": 0.2}, "V": {"up_95": 0.5}, "N": {}}
    (directory / "hysac_bounds.json").write_text(json.dumps(bounds))
    return directory


@pytest.fixture(scope="module")
def encoder(checkpoint, tiny_clip):
    return Encoder.from_pretrained(checkpoint, kind="hyperbolic", processor=tiny_clip)


@pytest.fixture(scope="module")
def images():
    noise = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), dtype=np.uint8)
    return [Image.fromarray(each) for each in noise]


def on_hyperboloid(features, scale):
    """The exponential map at the root, in double precision."""
    tangent = scale * features.double().numpy()
    length = ROOT_C * np.linalg.norm(tangent, axis=1, keepdims=True)
    return np.concatenate([np.sinh(length) / length * tangent, np.cosh(length) / ROOT_C], axis=1)


def true_distance(a, b):
    """Along the geodesic between two points (d + 1,)."""
    return math.acosh(max(1.0, CURVATURE * (a[-1] * b[-1] - a[:-1] @ b[:-1]))) / ROOT_C


def test_embeddings_are_those_of_the_unmerged_towers_on_the_hyperboloid(encoder, towers, images):
    text, vision = towers
    tokens = encoder.tokenize(TEXTS)
    with torch.no_grad():
        texts = text(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).text_embeds
        pictures = vision(pixel_values=encoder.pixels(images)).image_embeds
    expected = on_hyperboloid(texts, SCALES["textual_alpha"])
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, rtol=1e-3, atol=1e-4)
    expected = on_hyperboloid(pictures, SCALES["visual_alpha"])
    np.testing.assert_allclose(encoder.encode_images(images), expected, rtol=1e-3, atol=1e-4)
    assert encoder.dim == 17 and encoder.geometry.curvature == pytest.approx(CURVATURE)


def test_points_lie_on_the_hyperboloid_however_far_out():
    vectors = torch.tensor([[0.0, 0.0], [1e-9, 0.0], [3.0, -4.0], [1e6, 0.0]])
    points = lorentz.lift(vectors, CURVATURE).double().numpy()
    assert np.isfinite(points).all()
    norm = (points[:, :-1] ** 2).sum(1) - points[:, -1] ** 2
    assert (np.abs(norm + 1 / CURVATURE) <= 1e-6 * points[:, -1] ** 2).all(), "to single precision"
    np.testing.assert_allclose(points[0], [0, 0, 1 / ROOT_C], atol=1e-7)
    np.testing.assert_allclose(lorentz.depth(points[2:3], CURVATURE), [5.0], rtol=1e-5)


def points_of(seed, n, spread):
    vectors = torch.from_numpy(np.random.default_rng(seed).normal(0, spread, (n, 6)))
    return lorentz.lift(vectors, CURVATURE).numpy()


def test_an_index_of_inner_products_ranks_by_hyperbolic_distance():
    gallery, queries = points_of(0, 50, 0.6).astype("f"), points_of(1, 5, 0.6).astype("f")
    ids = [f"{i:016x}" for i in range(50)]
    index = FaissStore.build(ids, gallery, "IDMap,Flat")
    found, scores = index.search(lorentz.as_query(queries), 50)
    for query, row in zip(queries, found, strict=True):
        truth = np.argsort([true_distance(query, point) for point in gallery], kind="stable")
        assert [int(id, 16) for id in row] == truth.tolist()
    np.testing.assert_allclose(
        lorentz.distance(scores[0], CURVATURE),
        [true_distance(queries[0].astype(float), gallery[int(id, 16)].astype(float)) for id in found[0]],
        atol=2e-3,
    )
    by_cosine = index.search(queries, 50).ids
    assert by_cosine != found, "the sign of the time coordinate must matter"


def test_traversal_moves_far_points_along_their_geodesic_and_no_others():
    points = points_of(2, 40, 0.8)
    root = np.array([0.0] * 6 + [1 / ROOT_C])
    depths = np.array([true_distance(root, point) for point in points])
    radius = float(np.median(depths))
    moved = lorentz.traverse(points, radius, CURVATURE)
    near = depths <= radius
    np.testing.assert_array_equal(moved[near], points[near])
    assert (~near).sum() == 20
    for before, after, depth in zip(points[~near], moved[~near], depths[~near], strict=True):
        assert true_distance(root, after) == pytest.approx(radius, abs=1e-6)
        # on the geodesic from the root, what is left of the way is what was cut off
        assert true_distance(before, after) == pytest.approx(depth - radius, abs=1e-5)
    norm = (moved[:, :-1] ** 2).sum(1) - moved[:, -1] ** 2
    np.testing.assert_allclose(norm, -1 / CURVATURE, rtol=1e-6)


def test_queries_are_traversed_to_where_their_modality_ends(encoder, checkpoint, tiny_clip):
    radius = 0.3 + 1 + math.tanh((0.3 - 0.8) / CURVATURE)
    assert encoder.geometry.radii["text"] == pytest.approx(radius)
    assert encoder.geometry.radii["image"] == pytest.approx(0.5 + 1 + math.tanh((0.5 - 0.8) / CURVATURE))
    far = points_of(3, 5, 3.0)
    asked = encoder.geometry.as_query(far, "text")
    assert (asked[:, -1] < 0).all(), "the time coordinate of a query is negated"
    np.testing.assert_allclose(lorentz.depth(asked, CURVATURE), radius, rtol=1e-5)
    as_it_is = Encoder.from_pretrained(checkpoint, kind="hyperbolic", processor=tiny_clip, traverse=False)
    np.testing.assert_array_equal(as_it_is.geometry.as_query(far, "text")[:, :-1], far[:, :-1])
    assert as_it_is.fingerprint == encoder.fingerprint, "one index serves both"


def test_a_seat_of_another_geometry(checkpoint, tiny_clip, tiny_gallery, tmp_path, make):
    """Through a profile, an index and the retrieval that the page uses; the other seat is unharmed."""
    model = f"checkpoint = '{checkpoint}', kind = 'hyperbolic', processor = '{tiny_clip}'"
    hysac = f"{{ key = 'hysac', label = 'HySAC', {model} }}"
    path = make.write_profile(tmp_path, tiny_clip, (), tiny_gallery, tmp_path / "index", others=[hysac])
    lab = safeclip.open(path)
    for seat in load_profile(path).seats:
        make.build_index(tmp_path / "index" / seat.key, seat, lab.encoders[seat.key], lab.gallery)
    found = lab.retrieval.compare(TEXTS[0], k=12)
    assert found["original"].error is None and found["hysac"].error is None
    encoder = lab.encoders["hysac"]
    query = encoder.geometry.as_query(encoder.encode_texts([TEXTS[0]]), "text")[0]
    query[-1] *= -1
    pictures = {item.image_id: lab.gallery.image(item.image_id) for item in lab.gallery.items}
    points = dict(zip(pictures, encoder.encode_images(list(pictures.values())), strict=True))
    truth = {id: true_distance(query.astype(float), point.astype(float)) for id, point in points.items()}
    hits = [hit.id for hit in found["hysac"].hits]
    assert [truth[id] for id in hits] == pytest.approx(sorted(truth.values()), abs=0.02)  # float16 in the index
    assert found["hysac"].hits[0].score <= -1 / CURVATURE + 0.05
    mixed = lab.retrieval.compare(TEXTS[0], index_seat="original")
    assert "Only towers of one geometry" in mixed["hysac"].error and mixed["original"].error is None


@pytest.fixture
def copy(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "copy")


def test_safetensors_are_read_too_and_win(copy, tiny_clip, encoder):
    content = torch.load(copy / "hysac_model.pth", weights_only=True)
    save_file({key: tensor.contiguous() for key, tensor in content.items()}, copy / "hysac_model.safetensors")
    (copy / "hysac_model.pth").write_bytes(b"junk")
    other = Encoder.from_pretrained(copy, kind="hyperbolic", processor=tiny_clip)
    np.testing.assert_allclose(other.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-6)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: (d / "hysac_model.pth").unlink(), "hysac_model.safetensors is missing"),
        (lambda d: (d / "hysac_bounds.json").unlink(), "where safety ends. Set traverse = false"),
        (lambda d: (d / "hysac_bounds.json").write_text("{"), "bounds of safety cannot be read"),
        (lambda d: (d / "hysac_bounds.json").write_text('{"S": {}}'), "bounds of safety cannot be read"),
        (lambda d: torch.save({"curv": torch.zeros(())}, d / "hysac_model.pth"), "lack textual_alpha, visual_alpha"),
        (lambda d: (d / "hysac_model.pth").write_bytes(b"junk"), "the weights cannot be read"),
    ],
)
def test_missing_and_broken_files_are_reported(copy, tiny_clip, damage, says):
    damage(copy)
    with pytest.raises(CheckpointError, match=says):
        Encoder.from_pretrained(copy, kind="hyperbolic", processor=tiny_clip)


def test_without_a_backbone_it_says_what_is_needed(copy):
    with pytest.raises(CheckpointError, match="config.json of a CLIP is missing"):
        Encoder.from_pretrained(copy, kind="hyperbolic")


def test_there_is_no_straight_line_between_hyperbolic_encoders(encoder):
    with pytest.raises(CheckpointError, match="can be blended"):
        blend(encoder, encoder, 0.5)
