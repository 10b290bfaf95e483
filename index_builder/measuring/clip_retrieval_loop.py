"""Runs the inference of clip-retrieval on a folder of images, in a Python of its own.

The package asks for numpy 1, open_clip 2 and transformers 4, so it is installed without its dependencies beside those
of this project:

    python -m venv VENV && echo SITE_PACKAGES_OF_THIS_PROJECT > VENV/lib/python3.11/site-packages/project.pth
    VENV/bin/pip install --no-deps clip-retrieval==2.45.0 all-clip==1.3.0 clip-anytorch ftfy wcwidth fire termcolor \\
        braceexpand

Its reader, mapper and writer run as they are; the rest of the package, such as its web server, is not imported, and
the image features are taken out of the object that transformers 5 puts around them.
"""

import resource
import subprocess
import sys
import tempfile
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, Self


class ClipRetrieval:
    """A process that embeds a folder of images with clip-retrieval's own code, as often as it is asked to."""

    def __init__(self, python: str, checkpoint: str, encoded: list[bytes], batch_size: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        for number, data in enumerate(encoded):
            (Path(self._folder.name) / f"{number:06d}.png").write_bytes(data)  # its reader looks at the suffix alone
        command = [python, __file__, self._folder.name, checkpoint, str(batch_size)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._say("end")  # closing the pipe would not do: worker processes that were forked meanwhile hold it open
        self._process.wait()
        self._folder.cleanup()

    def run(self) -> tuple[int, float, float]:
        """Embeds all images; returns how many, the seconds after the first batch, and the processor seconds."""
        self._say("run")
        assert self._process.stdout is not None  # it is a pipe
        for line in self._process.stdout:
            if line.startswith("took "):
                images, seconds, cpu = line.split()[1:]
                return int(images), float(seconds), float(cpu)
        raise SystemExit("clip-retrieval's process ended; its error stands above.")

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the process has ended
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()


def main(folder: str, checkpoint: str, batch_size: int) -> None:
    """Embeds the folder for every line "run" of the standard input, up to "end"; prints what it took."""
    for name in ("clip_retrieval", "clip_retrieval.clip_inference"):  # packages that import nothing by themselves
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(Path(each, *name.split("."))) for each in sys.path]
    sys.modules["sentence_transformers"] = types.ModuleType("sentence_transformers")  # for multilingual texts
    vars(sys.modules["sentence_transformers"])["SentenceTransformer"] = None
    import all_clip.main
    from all_clip.hf_clip import HFClipWrapper

    all_clip.main.warmup = lambda *arguments: None  # it encodes a text with another vocabulary than the checkpoint's
    HFClipWrapper.encode_image = lambda self, image: _features(self.inner_model, image)
    from all_clip import load_clip
    from clip_retrieval.clip_inference.mapper import ClipMapper
    from clip_retrieval.clip_inference.reader import FilesReader
    from clip_retrieval.clip_inference.writer import NumpyWriter

    mapper = ClipMapper(True, False, False, False, f"hf_clip:{checkpoint}", False, "")
    _, preprocess, tokenizer = load_clip(f"hf_clip:{checkpoint}", use_jit=False)
    for number, _ in enumerate(iter(sys.stdin.readline, "end\n")):
        with tempfile.TemporaryDirectory() as output:
            reader = FilesReader(lambda all: all, preprocess, tokenizer, folder, batch_size, 2, False, True, False)
            writer = NumpyWriter(number, output, False, True, False, 1)
            print("took", *_embed(reader, mapper, writer), flush=True)


def _features(model: Any, image: Any) -> Any:
    return model.get_image_features(image.squeeze(1)).pooler_output


def _embed(reader: Any, mapper: Any, writer: Any) -> tuple[int, float, float]:
    images, started, first = 0, 0.0, 0
    cpu = _processor_seconds()
    for batch in reader:
        writer(mapper(batch))
        images += len(batch["image_tensor"])
        if not started:
            started, first = time.perf_counter(), images
    seconds = time.perf_counter() - started
    writer.flush()
    cpu = _processor_seconds() - cpu  # of all images: the reader's processes are counted when they have ended
    return images - first, seconds, cpu * (images - first) / images


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
