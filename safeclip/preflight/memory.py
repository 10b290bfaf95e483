"""Estimates the memory that each task of a profile takes, by the models that it loads together."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..profiles import GenerationSpec, Profile, Seat
from ..runtime.machine import Machine

_HALF = ("float16", "bfloat16")
_NOTHING_NEEDED = "The models are small: they fit anywhere."


@dataclass(frozen=True)
class LoadedModel:
    """One model in memory: `memory_gb` is expected on a GPU in `dtype`; `device` None stands for the default one.

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
            parts.append(f"{self.gpu_gb:.1f} GB on the GPU")
        if self.ram_gb:
            parts.append(f"{self.ram_gb:.1f} GB of memory, as a CPU computes in float32, slowly")
        return " and ".join(parts) or "little"


@dataclass(frozen=True)
class MemoryEstimate:
    """The `tasks`' needs by name, each alone, and that of all `together`; a model that tasks share counts once."""

    machine: Machine
    tasks: dict[str, Need]
    together: Need

    def __str__(self) -> str:
        if not self.together.gpu_gb and not self.together.ram_gb:
            return _NOTHING_NEEDED
        lines = ["Memory that the models of a task take"]
        lines += [f"  {task:12}{need}" for task, need in self.tasks.items()]
        if len(self.tasks) > 1:
            lines.append(f"  {'all of them':12}{self.together}")
            if not self.problems() and self._lacks(self.together):
                lines.append("  Each task fits alone, but not all of them: the one used last may run out of memory.")
        return "\n".join(lines)

    def problems(self) -> list[str]:
        """A sentence for each task whose models do not fit into what is free."""
        return [f"{task}: {lack}" for task, need in self.tasks.items() for lack in self._lacks(need)]

    def _lacks(self, need: Need) -> list[str]:
        found = []
        if self.machine.gpus and need.gpu_gb > self.machine.gpus[0].free_gb:
            found.append(
                f"{need.gpu_gb:.1f} GB of GPU memory are needed and {self.machine.gpus[0].free_gb:.1f} GB are free on "
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
        machine, {task: _need(own, machine) for task, own in models.items()}, _need(together, machine)
    )


def task_models(profile: Profile) -> dict[str, list[LoadedModel]]:
    """Task → the models that it loads.

    Retrieval loads every seat. Generation and captioning load their own model, which brings the first seat's tower
    along, and the encoders of the other seats.
    """
    found: dict[str, list[LoadedModel]] = {}
    if profile.retrieval is not None:
        found["retrieval"] = [_encoder(seat) for seat in profile.seats]
    for task, section in profile.model_sections.items():
        others = (section.seats or profile.seats)[1:]
        dtype = section.dtype if isinstance(section, GenerationSpec) else "float16"
        own = LoadedModel(section.checkpoint, section.memory_gb, dtype, encoder=False)
        found[task] = [own, *map(_encoder, others)]
    return found


def _encoder(seat: Seat) -> LoadedModel:
    return LoadedModel(seat.checkpoint, seat.memory_gb, seat.dtype, seat.device, seat.adapter)


def _need(models: Iterable[LoadedModel], machine: Machine) -> Need:
    gpu = ram = 0.0
    for model in models:
        if _runs_on_gpu(model, machine):
            gpu += model.memory_gb
        else:
            ram += model.memory_gb * (2 if model.dtype in _HALF else 1)  # a CPU computes in float32
    return Need(gpu, ram)


def _runs_on_gpu(model: LoadedModel, machine: Machine) -> bool:
    return model.device != "cpu" if machine.gpus else machine.lends_gpu and not model.encoder
