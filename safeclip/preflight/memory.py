"""Estimates the memory that each task of a profile takes, by the models that it loads together."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..captioning.files import LINEAR
from ..generation.families import FAMILIES
from ..judges.registry import IMAGE_JUDGES
from ..profiles import CaptioningSpec, GenerationSpec, Profile, Seat
from ..runtime.machine import Machine
from ..runtime.quantization import BITS, can_quantize, share_left

# 10⁹ bytes that a task takes beside the weights: batches, attention, an image that is decoded. The first two were
# measured on a CPU at full shape (docs/profiles.md); other families of pipelines have figures of their own.
WORKING_GB = {"retrieval": 0.5, "generation": FAMILIES["stable-diffusion"].working_gb, "captioning": 1.0}
IN_TURN = "with its parts in turn"

_JUDGES_ENCODER_GB = 1.71  # ViT-L/14 in float32
_NOTHING_NEEDED = "The models are small: they fit anywhere."


@dataclass(frozen=True)
class LoadedModel:
    """One model in memory: `memory_gb` are its weights in `dtype`; `device` None stands for the default one.

    An `encoder` stays on the CPU of a ZeroGPU Space, and a task's own model does not.
    """

    checkpoint: str
    memory_gb: float
    dtype: str
    device: str | None = None
    adapter: str | None = None
    encoder: bool = True


@dataclass(frozen=True)
class Need:
    """Memory in 10⁹ bytes on the GPU and in the computer."""

    gpu_gb: float
    ram_gb: float

    def __str__(self) -> str:
        parts = []
        if self.gpu_gb:
            parts.append(f"{self.gpu_gb:.1f} GB on the GPU (estimated)")
        if self.ram_gb:
            parts.append(f"{self.ram_gb:.1f} GB of memory, as a CPU computes float16 in float32, slowly")
        return " and ".join(parts) or "little"


@dataclass(frozen=True)
class MemoryEstimate:
    """The `tasks`' needs by name, each alone, and that of all `together`; a model that tasks share counts once.

    `variants` has for a task the GPU memory that it takes in another way: IN_TURN, as it runs by itself where memory is
    short, and settings of the profile.
    """

    machine: Machine
    tasks: dict[str, Need]
    together: Need
    variants: dict[str, dict[str, float]] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.together.gpu_gb and not self.together.ram_gb:
            return _NOTHING_NEEDED
        lines = ["Memory that the models of a task take"]
        for task, need in self.tasks.items():
            others = [f"; {gb:.1f} GB {how}" for how, gb in self.variants.get(task, {}).items()]
            lines.append(f"  {task:12}{need}{''.join(others)}")
        if len(self.tasks) > 1:
            lines.append(f"  {'all of them':12}{self.together}")
            if not self.problems() and self._lacks(self.together):
                lines.append("  Each task fits alone, but not all of them: the one used last may run out of memory.")
        return "\n".join(lines)

    def problems(self) -> list[str]:
        """A sentence for each task whose models do not fit into what is free."""
        return [
            f"{task}: {lack}"
            for task, need in self.tasks.items()
            for lack in self._lacks(need, self.variants.get(task, {}).get(IN_TURN))
        ]

    def _lacks(self, need: Need, in_turn_gb: float | None = None) -> list[str]:
        found = []
        least = need.gpu_gb if in_turn_gb is None else in_turn_gb
        if self.machine.gpus and least > self.machine.gpus[0].free_gb:
            found.append(
                f"{least:.1f} GB of GPU memory are needed and {self.machine.gpus[0].free_gb:.1f} GB are free on "
                f'{self.machine.gpus[0].name}: close what uses it, or give a seat device = "cpu".'
            )
        if need.ram_gb > self.machine.ram_gb:
            found.append(
                f"{need.ram_gb:.1f} GB of memory are needed and {self.machine.ram_gb:.1f} GB are free: use a machine "
                "with a GPU or more memory."
            )
        return found


def estimate(profile: Profile, machine: Machine) -> MemoryEstimate:
    """Adds up, task by task, the models that are loaded together on `machine`."""
    models = task_models(profile)
    together = {model for own in models.values() for model in own}
    return MemoryEstimate(
        machine,
        {task: _need(own, _working_gb(profile, task), machine) for task, own in models.items()},
        _need(together, max((_working_gb(profile, task) for task in models), default=0.0), machine),
        _variants(profile, machine) if machine.gpus else {},
    )


def task_models(profile: Profile) -> dict[str, list[LoadedModel]]:
    """Task → the models that it loads.

    Retrieval loads every seat. Generation and captioning load their own model, which brings the first seat's tower
    along, and the encoders of the other seats. The judges of a folder's pictures, and of generated ones, may read an
    encoder, which they load for themselves.
    """
    found: dict[str, list[LoadedModel]] = {}
    if profile.retrieval is not None:
        found["retrieval"] = [*map(_encoder, profile.seats)]
        if profile.retrieval.source:
            found["retrieval"] += _judges(profile.retrieval.judges)
    for task, section in profile.model_sections.items():
        others = (section.seats or profile.seats)[1:]
        share = share_left(_linear(section), section.quantize)
        own = LoadedModel(section.checkpoint, section.memory_gb * share, section.dtype, encoder=False)
        found[task] = [own, *map(_encoder, others)]
        if isinstance(section, GenerationSpec):
            found[task] += _judges(section.judges)
    return found


def _variants(profile: Profile, machine: Machine) -> dict[str, dict[str, float]]:
    """Task → another way to run it on the GPU → the memory that it then takes there."""
    found: dict[str, dict[str, float]] = {}
    models = task_models(profile)
    for task, section in profile.model_sections.items():
        if section.quantize or not section.memory_gb:
            continue
        full = _need(models[task], _working_gb(profile, task), machine).gpu_gb
        found[task] = {}
        if isinstance(section, GenerationSpec):
            found[task][IN_TURN] = full - (1 - FAMILIES[section.family].largest_part) * section.memory_gb
        for bits in BITS if can_quantize() else ():
            left = share_left(_linear(section), bits)
            found[task][f'with quantize = "{bits}"'] = full - (1 - left) * section.memory_gb
    return found


def _linear(section: GenerationSpec | CaptioningSpec) -> float:
    """Share of a model's weights that can be stored in fewer bits."""
    return FAMILIES[section.family].linear if isinstance(section, GenerationSpec) else LINEAR


def _working_gb(profile: Profile, task: str) -> float:
    """10⁹ bytes that a task takes beside the weights of its models."""
    if task == "generation" and profile.generation is not None:
        return FAMILIES[profile.generation.family].working_gb
    return WORKING_GB[task]


def _judges(names: Iterable[str]) -> list[LoadedModel]:
    """The encoders that the judges of these names load, each once, and the weights of their own."""
    declared = [judge for name in names if (judge := IMAGE_JUDGES.declared(name)) is not None]
    gb = {judge.encoder: _JUDGES_ENCODER_GB for judge in declared if judge.encoder}
    gb |= {judge.name: judge.memory_gb for judge in declared if judge.memory_gb}
    return [LoadedModel(f"{name} of the judges", memory_gb, "float32") for name, memory_gb in gb.items()]


def _encoder(seat: Seat) -> LoadedModel:
    return LoadedModel(seat.checkpoint, seat.memory_gb, seat.dtype, seat.device, seat.adapter)


def _need(models: Iterable[LoadedModel], working_gb: float, machine: Machine) -> Need:
    """The weights of the models, and on each device that computes with some of them `working_gb` more."""
    gpu = ram = 0.0
    for model in models:
        if _runs_on_gpu(model, machine):
            gpu += model.memory_gb
        else:
            ram += model.memory_gb * (2 if model.dtype == "float16" else 1)  # which a CPU computes in float32
    return Need(*(weights + working_gb if weights else 0.0 for weights in (gpu, ram)))


def _runs_on_gpu(model: LoadedModel, machine: Machine) -> bool:
    return model.device != "cpu" if machine.gpus else machine.lends_gpu and not model.encoder
