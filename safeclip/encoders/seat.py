"""One encoder's place in a comparison, as a profile names it."""

from dataclasses import dataclass

from ..runtime.checkpoint_names import locate
from .formats.declaration import CheckpointSource


@dataclass(frozen=True)
class Seat:
    """One encoder of a comparison: `key` names it in code and links, `label` on the page.

    `checkpoint` is a directory, a repository of the hub ("owner/name", "owner/name@revision") or an open_clip name
    ("hf-hub:owner/name", "ViT-L-14-quickgelu:openai"); `revision` pins it, best to a commit. `adapter` is a PEFT
    checkpoint that is merged into it at load. `processor` is the repository whose tokenizer and image processor are
    used where the checkpoint's own are not. `kind` names the format (`formats.KINDS`); "hyperbolic" is HySAC, and
    `traverse` says whether its queries are moved into the region of safe ones; "text" is a text encoder of Stable
    Diffusion alone, such as SAGE, tuned from the CLIP that `processor` names; "siglip" is a SigLIP of transformers.
    `dtype` is the precision, but that a CPU computes in float32 in the place of float16; `device` is torch's name of
    one, by default the GPU when there is one. `download_gb` and `memory_gb` (in `dtype`) are expected sizes in 10⁹
    bytes.
    """

    key: str
    label: str
    checkpoint: str
    adapter: str | None = None
    note: str = ""
    revision: str | None = None
    processor: str | None = None
    kind: str = "clip"
    traverse: bool = True
    dtype: str = "float32"
    device: str | None = None
    download_gb: float = 0.0
    memory_gb: float = 0.0

    def source(self) -> CheckpointSource:
        """Returns the seat's files as this machine finds them: paths resolved, names of the hub left as they are."""
        return CheckpointSource(
            locate(self.checkpoint),
            adapter=locate(self.adapter) if self.adapter else None,
            processor=locate(self.processor) if self.processor else None,
            revision=self.revision,
            kind=self.kind,
            traverse=self.traverse,
            half=self.dtype != "float32",
        )
