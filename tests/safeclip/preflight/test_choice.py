"""Which profile `--profile auto` takes for which task, and why."""

import dataclasses

import safeclip
from safeclip import preflight
from safeclip.preflight.choice import beside
from safeclip.preflight.memory import estimate
from safeclip.profiles import load_profile
from tests.safeclip.preflight.machines import BIG, CPU


def found_by(monkeypatch, **lacking: str) -> None:
    """Every task can run but those named here, as "profile_task" with dashes left out."""

    def inspect(profile, machine):
        (task,) = [name for name in ("retrieval", *profile.model_sections) if getattr(profile, name) is not None]
        problem = lacking.get(f"{profile.name}_{task}".replace("-", ""))
        states = (preflight.RepositoryState("x/y", "cached"),)
        return preflight.Report(profile, machine, states, estimate(profile, machine), (problem,) if problem else ())

    monkeypatch.setattr("safeclip.preflight.choice.inspect", inspect)


def test_auto_takes_the_best_that_can_run_as_it_is(monkeypatch):
    found_by(monkeypatch)
    profile, why = preflight.choose(BIG)
    assert profile == load_profile("vit-l-14")
    assert why.startswith("retrieval, generation, captioning by vit-l-14, whose models are cached and fit (NVIDIA")


def test_without_a_gpu_auto_searches_with_published_models_and_paints_with_embedded_ones(monkeypatch):
    found_by(monkeypatch)
    profile, why = preflight.choose(CPU)
    published, embedded = load_profile("vit-l-14"), load_profile("emoji")
    assert profile.name == "vit-l-14+emoji" and profile.seats == published.seats
    assert profile.generation == dataclasses.replace(embedded.generation, seats=embedded.seats)
    assert "generation, captioning by the embedded models: without a GPU Stable Diffusion takes minutes" in why


def test_a_task_that_does_not_fit_is_left_to_the_embedded_models(monkeypatch):
    found_by(monkeypatch, vitl14_captioning="16.0 GB are needed.")
    profile, why = preflight.choose(BIG)
    assert profile.generation == load_profile("vit-l-14").generation
    assert profile.captioning.checkpoint == "zoo/llava"
    assert "captioning by the embedded models: 16.0 GB are needed" in why


def test_a_profile_that_cannot_run_at_all_is_passed_over_and_named(monkeypatch):
    found_by(monkeypatch, vitl14_retrieval="no gallery.", vitl14_generation="x", vitl14_captioning="y")
    profile, why = preflight.choose(BIG)
    assert profile.name == "vit-l-14-336+emoji" and why.endswith("; vit-l-14 cannot run: no gallery")


def test_auto_without_a_hub_falls_back(no_hub):
    for machine in (BIG, CPU):
        profile, why = preflight.choose(machine)
        assert profile == load_profile("emoji")
        assert why == "127.0.0.1:9 could not be reached, and no published model is whole in the cache of models"


def test_both_kinds_of_models_answer_in_one_lab(tiny_lab, make, tmp_path):
    other = make.clip(tmp_path / "other", seed=9)
    seats = tuple(dataclasses.replace(seat, checkpoint=str(other), adapter=None) for seat in tiny_lab.profile.seats)
    model = make.stable_diffusion(tmp_path / "sd", other)
    spec = dataclasses.replace(load_profile("emoji").generation, checkpoint=str(model), judges=(), steps=1)
    embedded = dataclasses.replace(load_profile("emoji"), seats=seats, generation=spec, captioning=None)
    lab = safeclip.open(beside(tiny_lab.profile, ["retrieval"], embedded))
    assert not any(hits.error for hits in lab.retrieval.compare("a dog", k=2).values())
    assert not any(column.error for column in lab.generation.compare("a dog").values())
