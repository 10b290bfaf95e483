"""Logs beside metrics.jsonl get every measurement; a package that is missing is named before the first step."""

import io
import sys
from types import ModuleType, SimpleNamespace

import pytest

from safeclip.errors import ProfileError
from training.engine.logs import require_logs
from training.engine.progress import TrainingProgress


class FakeWandb(ModuleType):
    """Counts what a run of W&B is told."""

    def __init__(self):
        super().__init__("wandb")
        self.begun: list[dict] = []
        self.logged: list[tuple[int, dict]] = []

    def init(self, **options):
        self.begun.append(options)
        return SimpleNamespace(log=lambda figures, step: self.logged.append((step, figures)))


def test_wandb_gets_steps_and_validations_and_needs_no_network(monkeypatch, tmp_path):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    progress = TrainingProgress(tmp_path / "mine", 2, 2, io.StringIO(), logs=["wandb"])
    (tmp_path / "mine").mkdir()
    progress.add(1, {"loss": 1.0})
    progress.add(2, {"loss": 3.0})
    progress.note(2, {"validation_loss": 4.0})
    assert [step for step, _ in fake.logged] == [2, 2]
    assert fake.logged[0][1]["loss"] == 2.0 and fake.logged[1][1] == {"validation_loss": 4.0}
    assert fake.begun[0]["mode"] == "offline" and fake.begun[0]["name"] == "mine"
    assert (tmp_path / "mine" / "metrics.jsonl").read_text().count("\n") == 2


def test_tensorboard_gets_scalars_in_the_runs_folder(monkeypatch, tmp_path):
    added: list[tuple] = []

    class Writer:
        def __init__(self, folder: str):
            added.append(("folder", folder))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            added.append((name, value, step))

        def flush(self) -> None: ...

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    TrainingProgress(tmp_path, 9, 1, io.StringIO(), logs=["tensorboard"]).note(3, {"loss": 0.5})
    assert added == [("folder", str(tmp_path / "tensorboard")), ("loss", 0.5, 3)]


@pytest.mark.parametrize(("name", "module"), [("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")])
def test_a_missing_package_is_named(name, module, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ProfileError, match=f"--log {name} needs the package: pip install {name}"):
        TrainingProgress(tmp_path, 1, 1, io.StringIO(), logs=[name])


def test_a_missing_package_is_named_before_the_data_are_read():
    with pytest.raises(ProfileError, match="--log no_such_log needs the package"):
        require_logs(["no_such_log"])
