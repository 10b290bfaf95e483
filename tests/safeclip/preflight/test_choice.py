"""Which profile `--profile auto` takes, and why."""

from safeclip import preflight
from safeclip.preflight.memory import estimate
from tests.safeclip.preflight.machines import BIG, CPU


def test_auto_takes_emoji_without_a_gpu_and_says_why():
    assert preflight.choose(CPU) == ("emoji", "there is no GPU for the published models, and these need none")


def test_auto_takes_the_best_that_can_run_and_says_what_cannot(monkeypatch):
    def inspect(profile, machine):
        problems = {"vit-l-14": ("no gallery.",)}.get(profile.name, ())
        states = (preflight.RepositoryState("x/y", "cached"),)
        return preflight.Report(profile, machine, states, estimate(profile, machine), problems)

    monkeypatch.setattr("safeclip.preflight.choice.inspect", inspect)
    name, why = preflight.choose(BIG)
    assert name == "vit-l-14-336"
    assert "its models are cached and fit (NVIDIA H100" in why and "vit-l-14 cannot run: no gallery." in why


def test_auto_with_a_gpu_but_no_hub_falls_back(no_hub):
    name, why = preflight.choose(BIG)
    assert name == "emoji"
    assert all(f"{each} cannot run: 127.0.0.1:9 could not be reached" in why for each in preflight.BEST_FIRST)
