"""A recipe killed with SIGKILL at a random step and started again ends with the weights of an uninterrupted run."""

from pathlib import Path

import pytest

from tests.fakes.toy_recipes import CLIP, LLAVA, SAFE_CLIP, finish, kill_at_a_random_step, write


def weights(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    assert found
    return found


@pytest.mark.slow
def test_clip(tmp_path, artwork):
    recipe = write(tmp_path / "clip.toml", CLIP)
    finish("training.recipes.clip", recipe, tmp_path / "whole", artwork)
    killed_after = kill_at_a_random_step("training.recipes.clip", recipe, tmp_path / "killed", artwork)
    finish("training.recipes.clip", recipe, tmp_path / "killed", artwork)
    same = weights(tmp_path / "killed" / "model") == weights(tmp_path / "whole" / "model")
    assert same, f"killed after {killed_after} log lines"
    tokenizers = [(tmp_path / run / "model" / "tokenizer.json").read_bytes() for run in ("whole", "killed")]
    assert tokenizers[0] == tokenizers[1]


@pytest.mark.slow
def test_safe_clip(tmp_path, artwork, tiny_clip):
    recipe = write(tmp_path / "safe-clip.toml", SAFE_CLIP.format(checkpoint=tiny_clip))
    finish("training.recipes.safe_clip", recipe, tmp_path / "whole", artwork)
    killed_after = kill_at_a_random_step("training.recipes.safe_clip", recipe, tmp_path / "killed", artwork)
    finish("training.recipes.safe_clip", recipe, tmp_path / "killed", artwork)
    same = weights(tmp_path / "killed" / "adapter") == weights(tmp_path / "whole" / "adapter")
    assert same, f"killed after {killed_after} log lines"


@pytest.mark.slow
def test_llava(tmp_path, artwork, tiny_clip):
    recipe = write(tmp_path / "llava.toml", LLAVA.format(checkpoint=tiny_clip))
    finish("training.recipes.llava", recipe, tmp_path / "whole", artwork)
    killed_after = kill_at_a_random_step("training.recipes.llava", recipe, tmp_path / "killed", artwork)
    finish("training.recipes.llava", recipe, tmp_path / "killed", artwork)
    same = weights(tmp_path / "killed" / "model") == weights(tmp_path / "whole" / "model")
    assert same, f"killed after {killed_after} log lines"
