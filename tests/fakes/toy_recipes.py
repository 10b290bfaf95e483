"""Toy recipes, and a way to run them as a person would: as commands that may be killed."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]

CLIP = """
seed = 1
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 4
weight_decay = 0.05
label_weight = 0.5
jitter = 0.1
checkpoint_every = 3
labels = { steps = 5, batch_size = 4 }
contrastive = { steps = 5, batch_size = 4 }
[model]
image_size = 32
patch_size = 8
vision_width = 16
vision_layers = 1
vision_heads = 2
text_width = 16
text_layers = 1
text_heads = 2
max_length = 16
vocabulary_size = 700
projection_dim = 8
"""

SAFE_CLIP = """
seed = 2
checkpoint = "{checkpoint}"
epochs = 3
batch_size = 4
learning_rate = 1e-2
validate_every = 3
decay_steps = 4
data.emoji = {{ train = 16, validation = 8, seed = 3 }}
lora = {{ r = 2 }}
weights = {{ mixed_gallery_text = 0.5, mixed_gallery_image = 0.5 }}
"""

LLAVA = """
seed = 4
checkpoint = "{checkpoint}"
steps = 10
batch_size = 4
learning_rate = 3e-3
warmup_steps = 2
decay_steps = 4
weight_decay = 0.05
jitter = 0.1
validation = 6
validate_every = 3
[language]
width = 16
layers = 1
heads = 2
intermediate = 24
vocabulary_size = 300
max_length = 512
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def start(module: str, recipe: Path, out: Path, artwork: Path) -> subprocess.Popen:
    options = ["--out", str(out), "--artwork", str(artwork), "--workers", "0", "--report-every", "1"]
    command = [sys.executable, "-m", module, str(recipe), *options]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def finish(module: str, recipe: Path, out: Path, artwork: Path) -> None:
    process = start(module, recipe, out, artwork)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors


def kill_at_a_random_step(module: str, recipe: Path, out: Path, artwork: Path) -> int:
    """SIGKILL the command once a random number of steps is logged; returns how many lines the log had by then."""
    wanted = random.randint(1, 7)
    process = start(module, recipe, out, artwork)
    log = out / "metrics.jsonl"
    deadline = time.monotonic() + 240
    while _lines(log) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the toy run ended before it could be killed"
    return _lines(log)


def _lines(log: Path) -> int:
    return log.read_text(encoding="utf-8").count("\n") if log.is_file() else 0
