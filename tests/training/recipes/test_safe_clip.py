import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import get_peft_model_state_dict
from safetensors.torch import save_file

from safeclip.encoders import Encoder
from safeclip.errors import CheckpointError, ProfileError
from tests.fakes.toy_recipes import parsed, take_steps, toy_options, toy_recipe
from training.data.quadruplets.batches import QuadrupletBatches
from training.data.quadruplets.reference import reference_embeddings
from training.data.sources import DataSpec, open_source
from training.errors import DataError
from training.losses.embeddings import Reference
from training.losses.redirection import RedirectionOptions, RedirectionWeights
from training.recipes.adapter import ADAPTER, LoraSpec, load_adapter
from training.recipes.safe_clip import SafeClipRecipe, SafeClipTraining


@pytest.fixture
def recipe(tmp_path, tiny_clip) -> SafeClipRecipe:
    return parsed(tmp_path, toy_recipe("safe_clip", tiny_clip))[1]


@pytest.fixture
def training(recipe, tmp_path, artwork) -> SafeClipTraining:
    return SafeClipTraining(recipe, toy_options(tmp_path / "run", artwork))


def test_defaults_are_the_papers_recipe(tmp_path, tiny_clip):
    text = f"""
recipe = "safe_clip"
seed = 1
checkpoint = "{tiny_clip}"
epochs = 50
batch_size = 128
learning_rate = 1e-3
validate_every = 9
data.emoji = {{ train = 1, validation = 1, seed = 1 }}
objective.safe_clip = {{}}
"""
    _, recipe = parsed(tmp_path, text)
    assert (recipe.lora.r, recipe.lora.alpha, recipe.lora.dropout) == (16, 1, 0.1)
    assert recipe.lora.targets == ("k_proj", "v_proj", "out_proj", "fc1", "fc2", "patch_embedding")
    assert recipe.objective.safe_clip == RedirectionOptions(100.0, RedirectionWeights())
    assert recipe.patience == 5


def test_an_unknown_key_is_an_error(tmp_path, tiny_clip):
    with pytest.raises(ProfileError, match="epochen"):
        parsed(tmp_path, toy_recipe("safe_clip", tiny_clip).replace("epochs", "epochen"))


def test_exactly_one_source_of_data(tmp_path, artwork):
    with pytest.raises(ProfileError, match="exactly one"):
        open_source(DataSpec(), "train", toy_options(tmp_path, artwork))


def test_the_reference_is_the_frozen_model_and_does_not_drift(training, tiny_clip):
    reference = training.data.reference
    before = reference.text.clone(), reference.image.clone()
    take_steps(training, 3)
    assert torch.equal(before[0], reference.text) and torch.equal(before[1], reference.image)
    frozen = Encoder.from_pretrained(tiny_clip, device="cpu")
    items = [training.data.source.item(i) for i in range(len(training.data.source))]
    np.testing.assert_allclose(before[0], frozen.encode_texts([item.text for item in items]), atol=1e-5)
    np.testing.assert_allclose(before[1], frozen.encode_images([item.image for item in items]), atol=1e-5)


def test_the_reference_is_computed_once(recipe, tmp_path, artwork, tiny_clip):
    source, encoder = (
        open_source(recipe.data, "train", toy_options(tmp_path, artwork)),
        Encoder.from_pretrained(tiny_clip, device="cpu"),
    )

    class Counted:
        fingerprint = source.fingerprint
        read = 0

        def __len__(self):
            return len(source)

        def safe_pair(self, index):
            Counted.read += 1
            return source.safe_pair(index)

    first, again = (reference_embeddings(encoder, Counted(), tmp_path, workers=0) for _ in range(2))
    assert torch.equal(again.text, first.text) and torch.equal(again.image, first.image)
    assert Counted.read == len(source)
    (kept,) = tmp_path.glob("reference-*.safetensors")
    kept.write_bytes(kept.read_bytes()[:99])
    with pytest.raises(DataError, match="what was kept here is damaged .*Remove the file: it is computed anew"):
        reference_embeddings(encoder, Counted(), tmp_path, workers=0)


def test_only_the_adapter_is_trained(training):
    frozen = {name: p.clone() for name, p in training.model.named_parameters() if not p.requires_grad}
    trained = {name: p.clone() for name, p in training.model.named_parameters() if p.requires_grad}
    assert all("lora_" in name for name in trained)
    assert not any("q_proj" in name for name in trained)
    assert any("patch_embedding" in name for name in trained)
    take_steps(training, 3)
    after = dict(training.model.named_parameters())
    assert all(torch.equal(after[name], value) for name, value in frozen.items())
    assert any(not torch.equal(after[name], value) for name, value in trained.items())


def test_training_lowers_the_objective(training):
    first = np.mean([m["loss"] for m in take_steps(training, 4)])
    for _ in range(6):
        last = np.mean([m["loss"] for m in take_steps(training, 4)])
    assert last < first


def test_an_epoch_shows_every_quadruplet_once_and_the_next_in_another_order(recipe, artwork, tiny_clip, tmp_path):
    source, encoder = (
        open_source(recipe.data, "train", toy_options(tmp_path, artwork)),
        Encoder.from_pretrained(tiny_clip, device="cpu"),
    )
    batches = QuadrupletBatches(source, encoder, Reference(torch.arange(16), torch.arange(16)), 4)
    rows = [batches.make(3, number).indices.tolist() for number in range(8)]
    first, second = sum(rows[:4], []), sum(rows[4:], [])
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second
    for batch in rows:  # siblings stay together
        assert {index // source.block for index in batch} == {batch[0] // source.block}
    batch = batches.make(9, 5)
    assert batch.indices.tolist() == batch.reference.text.tolist() == rows[5]  # a function of the number


def test_the_saved_adapter_is_the_selected_one(training, tmp_path, tiny_clip):
    take_steps(training, 4)
    training.validate(4)
    chosen = {name: tensor.clone() for name, tensor in training.selection.best["recall_sum"].weights.items()}
    take_steps(training, 4)
    training.save(tmp_path / "adapter")
    tuned = Encoder.from_pretrained(tiny_clip, tmp_path / "adapter", device="cpu")
    plain = Encoder.from_pretrained(tiny_clip, device="cpu")
    assert not np.allclose(tuned.encode_texts(["a chef"]), plain.encode_texts(["a chef"]), atol=1e-4)
    from safetensors.torch import load_file

    stored = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(torch.equal(stored[name], tensor.half()) for name, tensor in chosen.items())


def test_an_adapter_goes_on_from_a_saved_one(recipe, training, tmp_path, artwork):
    take_steps(training, 2)
    trained = {name: each.clone() for name, each in get_peft_model_state_dict(training.model).items()}
    training.model.save_pretrained(tmp_path / "first")
    before = training.fingerprint
    second = SafeClipTraining(
        replace(recipe, seed=recipe.seed + 1, start=str(tmp_path / "first")), toy_options(tmp_path / "second", artwork)
    )
    loaded = get_peft_model_state_dict(second.model)
    assert loaded.keys() == trained.keys() and all(torch.equal(loaded[name], trained[name]) for name in trained)
    assert second.fingerprint != before
    with pytest.raises(CheckpointError, match="no adapter to go on from"):
        load_adapter(second.model, tmp_path / "nowhere")
    training.model.save_pretrained(tmp_path / "run" / "adapter")
    with pytest.raises(CheckpointError, match="the folder of a run. Name its adapter: start = “.*run/adapter”"):
        load_adapter(second.model, tmp_path / "run")
    config = tmp_path / "first" / "adapter_config.json"
    saved = json.loads(config.read_text())
    for changed, said in (
        ({"lora_alpha": 7}, "has alpha 7; the recipe asks for 1. Make lora.alpha 7"),
        ({"r": 5}, "has r 5; the recipe asks for 2. Make lora.r 5"),
        ({"target_modules": ["fc2", "fc1"]}, "of other layers. Make lora.targets those: fc1, fc2"),
        ({"target_modules": ".*fc1"}, r"no plain LoRA \(target_modules by a pattern\)"),
        ({"use_rslora": True, "alpha_pattern": {"fc1": 9}}, r"no plain LoRA \(alpha_pattern, use_rslora\)"),
        ({"init_lora_weights": "pissa"}, r"no plain LoRA \(init_lora_weights\)"),
        ({"peft_type": "LOHA"}, "made by LOHA; a recipe goes on from one by LORA"),
    ):
        config.write_text(json.dumps({**saved, **changed}))
        with pytest.raises(CheckpointError, match=said):
            load_adapter(second.model, tmp_path / "first")
    config.write_text("{torn")
    with pytest.raises(CheckpointError, match="adapter_config.json of its adapter is missing or cannot be read"):
        load_adapter(second.model, tmp_path / "first")
    config.write_text(json.dumps(saved))
    save_file({name: each[:1] for name, each in trained.items()}, tmp_path / "first" / ADAPTER)
    with pytest.raises(CheckpointError, match="other layers than the recipe's checkpoint has"):
        load_adapter(second.model, tmp_path / "first")
    (tmp_path / "first" / ADAPTER).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=f"{ADAPTER}: the weights cannot be read"):
        load_adapter(second.model, tmp_path / "first")


def test_targets_are_layers_of_the_checkpoint(recipe, artwork, tmp_path):
    with pytest.raises(ProfileError, match="“lora.targets” names no layer"):
        LoraSpec(targets=())
    for targets, said in (("fc1", "nope"), "“lora.targets” names nope"), (("layer_norm1",), "LayerNorm.*not supported"):
        odd = replace(recipe, lora=replace(recipe.lora, targets=targets))
        with pytest.raises(ProfileError, match=said):
            SafeClipTraining(odd, toy_options(tmp_path / "run", artwork))


def test_a_batch_has_what_the_objective_compares(recipe):
    with pytest.raises(ProfileError, match="“batch_size” is 1; it must be at least 2"):
        replace(recipe, batch_size=1)
