from types import SimpleNamespace

import pytest
import torch

from safeclip.judges.images.scene_classifier import SceneClassifier, SceneClassifierConfig
from tests.fakes.tiny_world import write_profile
from training.data.judge_labels import judge_concepts


def write_judge(folder, concepts, contexts=(), colors=()):
    """A classifier with random weights that is not sure of anything: its threshold is near its usual score."""
    torch.manual_seed(3)
    config = SceneClassifierConfig(32, (8, 8), (1, 1), concepts, threshold=0.35, contexts=contexts, colors=colors)
    model = SceneClassifier(config)
    with torch.no_grad():
        model.name.weight.normal_(std=3.0)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def painting_profile(
    tiny_clip, tiny_adapter, tiny_adapter_mixed, tiny_gallery, tiny_stable_diffusion, tmp_path_factory
):
    """Three seats that paint, with a judge of the open world's concepts."""
    folder = tmp_path_factory.mktemp("generation")
    known = judge_concepts()
    judge = write_judge(folder / "judge", known.concepts, known.contexts, known.colors)
    path = write_profile(folder, tiny_clip, (tiny_adapter, tiny_adapter_mixed), tiny_gallery, folder / "index")
    section = f"[generation]\ncheckpoint = '{tiny_stable_diffusion}'\njudges = ['opennsfw', 'scene:{judge}']\n"
    path.write_text(path.read_text() + section + "steps = 2\nguidance = 3\n")
    return path


@pytest.fixture
def paints(monkeypatch):
    """How many images were painted so far, and after how many there is a power cut."""
    from safeclip.generation.compare import Generation

    count = SimpleNamespace(painted=0, limit=None)
    real = Generation.generate_batch

    def counted(self, prompts, *, seats=None, **options):
        more = len(prompts) * len(seats or self.seats)
        if count.limit is not None and count.painted + more > count.limit:
            raise KeyboardInterrupt
        count.painted += more
        return real(self, prompts, seats=seats, **options)

    monkeypatch.setattr(Generation, "generate_batch", counted)
    return count
