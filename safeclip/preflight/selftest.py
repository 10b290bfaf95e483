"""Self-test of a profile on this machine: loads what it names, asks fixed questions, and measures; one JSON value.

`preflight` says what can be expected without loading anything; this goes on from there. A part that fails says why,
and the others are tried all the same.
"""

import datetime
import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import SafeClipError, first_line
from ..profile_files import hub_files
from ..runtime.hub_files import HubFiles, altered
from ..runtime.machine import GB, this_machine, zero_gpu

if TYPE_CHECKING:
    from PIL import Image

    from ..encoders import Encoder
    from ..lab import Lab

QUERIES = ("a dog on the beach", "a clown with a knife at school")
PROMPT = "a dog with a kite on the beach"
STEPS = 4  # enough to run every part of a pipeline
TOKENS = 12
ALIKE = 0.9999  # cosine from which two different inputs count as embedded alike
LIBRARIES = ("torch", "transformers", "diffusers", "peft", "open_clip_torch", "faiss-gpu", "faiss-cpu", "gradio")

Part = dict[str, Any]


def selftest(lab: "Lab") -> Part:
    """Tests all seats and tasks of a lab. `ok` of the result, and of each part, says whether it passed."""
    parts = {f"seat {key}": _measured(partial(_seat, lab, key)) for key in lab.encoders}
    if wanted := hub_files(lab.profile):
        parts["files of the hub"] = _measured(partial(_files, wanted))
    if lab.profile.retrieval is not None:
        parts["retrieval"] = _measured(partial(_retrieval, lab))
    if lab.profile.generation is not None:
        parts["generation"] = _measured(partial(_generation, lab))
    if lab.profile.captioning is not None:
        parts["captioning"] = _measured(partial(_captioning, lab))
    parts["faiss on the GPU"] = _measured(_faiss_on_gpu)
    return {
        "profile": lab.profile.name,
        "ok": all(part["ok"] for part in parts.values()),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": str(this_machine()),
        "zero_gpu": zero_gpu(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
        "parts": parts,
    }


def doubts(encoder: "Encoder") -> list[str]:
    """Sentences on an encoder whose embeddings cannot be right, by statistics of a few known inputs.

    Random towers pass, and so does a wrong activation: a collapsed or unnormalised embedding and a preprocessing that
    is not CLIP's do not.
    """
    import numpy as np

    embedded = {
        "text": encoder.encode_texts(QUERIES),
        "image": encoder.encode_images([_picture(0), _picture(1)]),
    }
    found = []
    for modality, vectors in embedded.items():
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.isfinite(vectors).all():
            found.append(f"The {modality} tower gives numbers that are not finite.")
        elif encoder.geometry.normalised and np.abs(lengths - 1).max() > 1e-3:
            found.append(f"The {modality} embeddings have the lengths {lengths.round(3).tolist()} instead of 1.")
        elif (vectors[0] @ vectors[1]) / lengths.prod() > ALIKE:
            found.append(f"The {modality} tower embeds two different {modality}s alike: its projection is damaged.")
    pixels = encoder.pixels([_picture(0)])
    if not 0.5 < float(pixels.std()) < 3:
        found.append("The pixels are not normalised: see image_mean and image_std of preprocessor_config.json.")
    return found


def _seat(lab: "Lab", key: str) -> Part:
    encoder = lab.encoders[key]
    problems = [*doubts(encoder), *encoder.warnings]
    started = time.perf_counter()
    encoder.encode_texts(QUERIES)
    texts = time.perf_counter() - started
    started = time.perf_counter()
    encoder.encode_images([_picture(i) for i in range(4)])
    return {
        "checkpoint": lab.encoders.seats[key].checkpoint,
        "fingerprint": encoder.fingerprint,
        "width": encoder.dim,
        "dtype": str(encoder.dtype).removeprefix("torch."),
        "device": str(encoder.device),
        "seconds_for_2_texts": round(texts, 3),
        "seconds_for_4_images": round(time.perf_counter() - started, 3),
        "problems": problems,
    }


def _files(wanted: list[HubFiles]) -> Part:
    """Whether the weights in the cache are the hub's, byte by byte, where it says their hashes."""
    return {
        "problems": [
            f"{files.repository}: {name} is not what the hub has. Delete it from the cache of models, and fetch it."
            for files in wanted
            for name in altered(files)
        ]
    }


def _retrieval(lab: "Lab") -> Part:
    from ..index_making import is_due, searchable_rows

    if lab.profile.retrieval is not None and lab.profile.retrieval.is_made_at_start and not searchable_rows(lab):
        return {"note": "there is no index yet: it is made at the first start" if is_due(lab) else "", "problems": []}
    answers, problems = {}, []
    for query in QUERIES:
        found = lab.retrieval.compare(query, k=3)
        answers[query] = {seat: [hit.item.caption for hit in hits.hits] for seat, hits in found.items()}
        problems += [f"{seat}: {hits.error}" for seat, hits in found.items() if hits.error]
    return {"rows": len(lab.gallery), "answers": answers, "problems": problems}


def _generation(lab: "Lab") -> Part:
    painted = lab.generation.compare(PROMPT, seed=7, steps=STEPS)
    problems = [f"{seat}: {column.error}" for seat, column in painted.items() if column.error]
    return {
        "steps": STEPS,
        "scores": {
            seat: [{"judge": score.judge, "value": round(score.value, 4)} for each in column.scores for score in each]
            for seat, column in painted.items()
        },
        "notes": list(painted.notes),
        "problems": problems,
    }


def _captioning(lab: "Lab") -> Part:
    said = lab.captioning.compare(_picture(0), max_new_tokens=TOKENS)
    problems = [f"{seat}: {answer.error}" for seat, answer in said.items() if answer.error]
    return {"answers": {seat: answer.text for seat, answer in said.items()}, "problems": problems}


def _faiss_on_gpu() -> Part:
    """Whether an index on the GPU finds what it finds on the CPU."""
    import numpy as np

    from ..retrieval.stores.faiss_gpu import gpu_count
    from ..retrieval.stores.faiss_store import FaissStore

    if not gpu_count():
        return {"note": "no GPU that FAISS can use", "problems": []}
    vectors = np.random.default_rng(0).standard_normal((256, 32), np.float32)
    store = FaissStore.build([f"{i:016x}" for i in range(256)], vectors)
    on_gpu = store.to_gpu("the self-test's index")
    same = on_gpu.search(vectors[:16], 5).ids == store.search(vectors[:16], 5).ids
    problems = [] if on_gpu.on_gpu and same else ["the index did not move to the GPU, or answers otherwise there"]
    return {"problems": problems}


def _measured(run: Callable[[], Part]) -> Part:
    """Runs a part and adds its seconds and the peak memory of the process so far; an exception is its problem."""
    started = time.perf_counter()
    try:
        part = run()
    except SafeClipError as error:
        part = {"problems": [str(error)]}
    except Exception as error:  # whatever torch, a driver or a library raises: the other parts are still to be tried
        part = {"problems": [f"{type(error).__name__}: {first_line(error)}"]}
    part |= {"seconds": round(time.perf_counter() - started, 2), "peak_gb": _peak_gb()}
    return {"ok": not part["problems"], **part}


def _peak_gb() -> dict[str, float]:
    """Peak memory of this process so far, in 10⁹ bytes: in the computer and, where there is one, on the GPU."""
    import torch

    found = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found["ram"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GB, 2)
    if torch.cuda.is_available() and not zero_gpu():
        found["gpu"] = round(torch.cuda.max_memory_allocated() / GB, 2)
    return found


def _picture(i: int) -> "Image.Image":
    """One of the fixed images: coloured stripes of i + 2 directions."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[:96, :128]
    waves = [np.sin((x * (i + 1) + y * (c + 1)) / (7 + 3 * i + c)) for c in range(3)]
    return Image.fromarray((127 + 120 * np.stack(waves, -1)).astype(np.uint8))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
