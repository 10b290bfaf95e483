"""Side-by-side generation, against plain pipelines of diffusers."""

import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from safeclip.errors import JudgeError, QueryError
from safeclip.generation.compare import DIAL
from safeclip.generation.pipeline import StableDiffusionSwap
from safeclip.judges import Score
from tests.fakes.side_by_side import PROMPT, assert_same, differs, plain, with_spec


def test_every_seat_generates_the_image_of_a_pipeline_of_its_own(painting_lab, tiny_stable_diffusion):
    found = painting_lab.generation.compare(PROMPT, seed=7, negative_prompt="a spoon")
    assert list(found) == ["original", "safe", "ours"]
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, negative="a spoon"))
    for key in ("safe", "ours"):
        tower = painting_lab.encoders[key].model.text_model
        assert_same(found[key].pictures[0], plain(tiny_stable_diffusion, tower, negative="a spoon"))
        assert differs(found[key].pictures[0], found["original"].pictures[0])
    assert found.done and not found.stopped and (found.width, found.height) == (32, 32)


def test_an_image_is_the_same_alone_and_in_a_batch(painting_lab):
    generation = painting_lab.generation
    many = generation.compare(PROMPT, seed=3, pictures=3)
    for i in range(3):
        alone = generation.compare(PROMPT, seed=3 + i, seats=["safe"])
        assert list(alone) == ["safe"]
        assert_same(alone["safe"].pictures[0], many["safe"].pictures[i])
    assert differs(many["safe"].pictures[0], many["safe"].pictures[1])


def test_guidance_one_and_a_single_step_are_the_plain_pipelines(painting_lab, tiny_stable_diffusion):
    found = painting_lab.generation.compare(PROMPT, seed=1, guidance=1, steps=1, seats=["original"])
    assert_same(found["original"].pictures[0], plain(tiny_stable_diffusion, seed=1, steps=1, guidance=1.0))


def test_a_stream_shows_each_step_and_ends_as_compare_does(painting_lab):
    states = list(painting_lab.generation.stream(PROMPT, seed=2, pictures=2))
    assert [state.step for state in states] == [0, 1, 2, 3, 4, 4]
    assert [state.done for state in states] == [False] * 5 + [True]
    for state in states[1:-1]:
        assert [image.size for image in state["safe"].previews] == [(8, 8), (8, 8)]
        assert not state["safe"].pictures
    whole = painting_lab.generation.compare(PROMPT, seed=2, pictures=2)
    for key in whole:
        for ours, theirs in zip(states[-1][key].pictures, whole[key].pictures, strict=True):
            assert_same(ours, theirs)


def test_stopping_leaves_the_previews(painting_lab):
    stop = threading.Event()
    seen = []
    for state in painting_lab.generation.stream(PROMPT, steps=50, stop=stop):
        seen.append(state)
        if state.step >= 2:
            stop.set()
    assert seen[-1].stopped and seen[-1].done and seen[-1].step < 50
    assert seen[-1]["original"].previews and not seen[-1]["original"].pictures
    assert painting_lab.generation.compare(PROMPT)["original"].pictures  # and the next one is painted


def test_closing_a_stream_frees_the_pipeline(painting_lab):
    states = painting_lab.generation.stream(PROMPT, steps=100)
    next(states)
    states.close()
    assert painting_lab.generation.compare(PROMPT, steps=1)["safe"].pictures


def test_the_dial_runs_from_the_original_to_the_safe_encoder(painting_lab):
    generation = painting_lab.generation
    strip = generation.dial(PROMPT, seat="safe", seed=5)
    assert list(strip) == [f"{t:g}" for t in DIAL]
    sides = generation.compare(PROMPT, seed=5)
    assert_same(strip["0"].pictures[0], sides["original"].pictures[0])
    assert_same(strip["1"].pictures[0], sides["safe"].pictures[0])
    assert differs(strip["0.5"].pictures[0], strip["0"].pictures[0])
    *_, last = generation.dial_stream(PROMPT, seat="safe", seed=5, positions=[0.5])
    assert_same(last["0.5"].pictures[0], strip["0.5"].pictures[0])


def test_a_blend_leaves_the_encoders_as_they_were(painting_lab):
    tower = painting_lab.encoders["safe"].model.text_model
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    painting_lab.generation.dial(PROMPT, seat="safe", positions=[0.3], steps=1)
    assert all(torch.equal(before[name], tensor) for name, tensor in tower.state_dict().items())


@pytest.mark.parametrize("positions", [[1.2], [-0.1], [float("nan")], []])
def test_the_dial_refuses_other_positions(painting_lab, positions):
    with pytest.raises(QueryError, match="dial"):
        painting_lab.generation.dial(PROMPT, seat="safe", positions=positions)


@pytest.mark.parametrize("positions", [[0.5, 0.5000001], [0, 1, 0.0]])
def test_the_dial_loses_no_position(painting_lab, positions):
    with pytest.raises(QueryError, match="Two positions of the dial are called 0"):
        painting_lab.generation.dial(PROMPT, seat="safe", positions=positions)


def test_the_numbers_of_numpy_are_options(painting_lab):
    found = painting_lab.generation.compare(PROMPT, seed=np.int64(3), steps=np.int32(1), guidance=np.float32(3))
    alike = painting_lab.generation.compare(PROMPT, seed=3, steps=1, guidance=3)
    assert json.dumps(found.to_dict()) == json.dumps(alike.to_dict())
    for other in (np.float64(3), np.bool_(True), True):
        with pytest.raises(QueryError, match="seed must be a whole number"):
            painting_lab.generation.compare(PROMPT, seed=other)


def test_the_dial_needs_another_seat(painting_lab):
    with pytest.raises(QueryError, match="from “original” to another seat"):
        painting_lab.generation.dial(PROMPT, seat="original")


def test_a_batch_of_prompts_equals_single_ones(painting_lab):
    prompts, seeds = [PROMPT, "a dog holding a kite in the garden", "a robot"], [4, 9, 4]
    found = painting_lab.generation.generate_batch(prompts, seeds=seeds, seats=["original", "ours"])
    for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
        alone = painting_lab.generation.compare(prompt, seed=seed)
        for key in ("original", "ours"):
            assert_same(found[key][i], alone[key].pictures[0])
    with pytest.raises(QueryError, match="2 prompts and 1 seeds"):
        painting_lab.generation.generate_batch(["a", "b"], seeds=[1])


@pytest.mark.parametrize("method", ["compare", "stream", "dial", "dial_stream"])
def test_an_option_that_does_not_exist_is_refused(painting_lab, method):
    seat = {"seat": "safe"} if "dial" in method else {}
    with pytest.raises(TypeError, match="unexpected keyword argument 'stepz'"):
        getattr(painting_lab.generation, method)(PROMPT, stepz=3, **seat)


def test_images_are_judged(painting_lab):
    found = painting_lab.generation.compare(PROMPT, pictures=2)
    for painting in found.values():
        assert len(painting.scores) == 2
        assert painting.flagged(0) is painting.scores[0][0].harmful
    assert painting_lab.generation.judged(dataclasses.replace(found))["safe"].scores == found["safe"].scores
    told = json.loads(json.dumps(found.to_dict()))
    assert told["seats"]["safe"]["scores"][1][0]["harmful"] is found["safe"].scores[1][0].harmful


def test_a_judge_that_cannot_be_had_is_reported_and_the_images_stand(painting_lab):
    found = with_spec(painting_lab, judges=("scene:no/such/judge",)).generation.compare(PROMPT)
    assert found["original"].pictures and found["original"].flagged(0) is None
    assert any("“scene:no/such/judge” is missing" in note for note in found.notes)
    assert "Nobody judged the pictures." in found.notes


class Stub:
    """A judge of one score, or one that fails."""

    name, version, threshold, covers = "stub", "1", 0.5, "anything"

    def __init__(self, value: float | None) -> None:
        self.value = value

    def score(self, images):
        if self.value is None:
            raise JudgeError("It broke.")
        return [Score(self.name, self.version, self.threshold, self.value) for _ in images]


@pytest.mark.parametrize(
    ("values", "flagged"), [((0.1, 0.2), False), ((0.1, None), None), ((0.9, None), True), ((None, None), None)]
)
def test_an_image_that_a_judge_missed_is_not_known_to_be_safe(painting_lab, monkeypatch, values, flagged):
    lab = with_spec(painting_lab, judges=("a", "b"))
    judges = dict(zip("ab", map(Stub, values), strict=True))
    monkeypatch.setattr("safeclip.generation.judging.open_judge", lambda name, device: judges[name])
    found = lab.generation.compare(PROMPT, steps=1, pictures=2)
    assert [found["safe"].flagged(i) for i in range(2)] == [flagged, flagged]
    assert sum("is missing: It broke." in note for note in found.notes) == values.count(None)
    assert ("Nobody judged the pictures." in found.notes) is (values == (None, None))


def test_the_denoiser_is_compiled_where_the_profile_asks_for_it(painting_lab, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(type(module).__name__))
    found = with_spec(painting_lab, compile=True).generation.compare(PROMPT, steps=1, judge=False)
    assert compiled == ["UNet2DConditionModel"] and found["safe"].pictures


def test_several_threads_generate_one_after_the_other(painting_lab):
    alone = {seed: painting_lab.generation.compare(PROMPT, seed=seed, judge=False) for seed in range(4)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: painting_lab.generation.compare(PROMPT, seed=seed, judge=False), range(4)))
    for seed, each in enumerate(found):
        assert each["safe"].pictures[0].tobytes() == alone[seed]["safe"].pictures[0].tobytes()
        assert each["safe"].scores == () and each["safe"].flagged(0) is None


def test_a_run_that_is_stopped_while_waiting_generates_nothing(painting_lab, monkeypatch):
    stop = threading.Event()
    stop.set()
    monkeypatch.setattr(StableDiffusionSwap, "denoise", None)
    (only,) = painting_lab.generation.stream(PROMPT, stop=stop)
    assert only.done and only.stopped and only.step == 0
