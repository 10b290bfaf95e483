"""Toy recipes of every training, and ways to run them: in this process, or as commands that may be killed."""

import random
import signal
import time
from pathlib import Path

from tests.forks import fork
from training.cli import main
from training.engine.options import RunOptions
from training.engine.recipe import BaseRecipe
from training.engine.training import Training
from training.recipes.registry import load_recipe

ROOT = Path(__file__).parents[2]

CLIP = """
recipe = "clip"
seed = 1
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 4
weight_decay = 0.05
label_weight = 0.5
jitter = 0.1
validate_every = 3
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
recipe = "safe_clip"
seed = 2
checkpoint = "{checkpoint}"
epochs = 3
batch_size = 4
learning_rate = 1e-2
validate_every = 3
decay_steps = 4
data.emoji = {{ train = 16, validation = 8, seed = 3 }}
lora = {{ r = 2 }}
"""

MIXED = """
[objective.safe_clip]
[objective.mixed_gallery]
"""

STATES = """
[objective.token_states.weights]
redirect_text_states = 50.0
redirect_image_states = 50.0
preserve_text_states = 0.0
preserve_image_states = 0.0
[objective.safe_clip]
"""

LLAVA = """
recipe = "llava"
seed = 4
checkpoint = "{checkpoint}"
turns = 3
labelled = 2
alignment = 2
steps = 8
batch_size = 4
learning_rate = 3e-3
warmup_steps = 2
decay_steps = 4
weight_decay = 0.05
validate_every = 3
[scenes]
packed = 24
taken = 8
seed = 1
watched = 4
[language]
width = 16
layers = 1
heads = 2
intermediate = 24
vocabulary_size = 2400
max_length = 512
"""

VAE = """
recipe = "vae"
seed = 1
steps = 7
batch_size = 4
crop = 32
whole_every = 3
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.01
gradient_weight = 1.0
kl_weight = 1e-4
ema = 0.9
validate_every = 3
held_out = 3
model = { image_size = 64, channels = [8, 8, 8, 8], latent_channels = 4, norm_groups = 4 }
"""

DIFFUSION = """
recipe = "diffusion"
seed = 2
clip = "{clip}"
vae = "{vae}"
scenes = 12
captions = 2
steps = 7
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.01
drop_captions = 0.3
snr_floor = 1.0
snr_ceiling = 5.0
ema = 0.9
validate_every = 3
held_out = 5
sheet = 2
model = {{ channels = [8, 16], heads = 2, norm_groups = 4 }}
"""

JUDGE = """
recipe = "judge"
world = "open"
seed = 3
steps = 7
batch_size = 4
learning_rate = 1e-3
warmup_steps = 2
decay_steps = 3
weight_decay = 0.05
patch_weight = 1.0
attribute_weight = 1.0
validate_every = 3
watched = 4
held_out = 12
model = { image_size = 32, channels = [8, 8], blocks = [1, 1] }
"""


def toy_recipe(name: str, clip: Path | str = "", vae: Path | str = "") -> str:
    """The TOML text of a toy recipe: a name of the registry, "safe_clip_states" or "des"."""
    return {
        "clip": CLIP,
        "safe_clip": SAFE_CLIP.format(checkpoint=clip) + MIXED,
        "safe_clip_states": SAFE_CLIP.format(checkpoint=clip) + STATES,
        "des": SAFE_CLIP.format(checkpoint=clip) + "[objective.des]\n",
        "llava": LLAVA.format(checkpoint=clip),
        "vae": VAE,
        "diffusion": DIFFUSION.format(clip=clip, vae=vae),
        "judge": JUDGE,
    }[name]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def parsed(folder: Path, text: str) -> tuple[type[Training], BaseRecipe]:
    """The training class and the recipe of a TOML text."""
    folder.mkdir(parents=True, exist_ok=True)
    return load_recipe(write(folder / "recipe.toml", text))


def toy_options(out: Path, artwork: Path, **changed) -> RunOptions:
    """Options of a run inside the test's process."""
    quick = {"workers": 0, "report_every": 5, "device": "cpu", "packed": out / "packed"}
    return RunOptions(**{"out": out, "artwork": artwork, **quick, **changed})


def take_steps(training: Training, count: int, learning_rate: float = 1e-2) -> list[dict[str, float]]:
    """The metrics of the first `count` optimizer steps."""
    return [training.step(step, batch, learning_rate) for step, batch in enumerate(training.batches(0, count))]


def _command(recipe: Path, out: Path, artwork: Path) -> list[str]:
    options = ["--out", str(out), "--artwork", str(artwork), "--packed", str(out / "packed")]
    return [str(recipe), *options, "--workers", "0", "--report-every", "1", "--device", "cpu"]


def finish(recipe: Path, out: Path, artwork: Path) -> None:
    """Gives the command in this process, which has imported everything."""
    assert main(_command(recipe, out, artwork)) == 0


def kill_at_a_random_step(recipe: Path, out: Path, artwork: Path) -> int:
    """SIGKILL the command once a random number of steps is logged; returns how many lines the log had by then."""
    wanted = random.randint(1, 6)
    process = fork(main, _command(recipe, out, artwork))
    log = out / "metrics.jsonl"
    deadline = time.monotonic() + 240
    while _lines(log) < wanted and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the toy run ended before it could be killed"
    return _lines(log)


def _lines(log: Path) -> int:
    return log.read_text(encoding="utf-8").count("\n") if log.is_file() else 0
