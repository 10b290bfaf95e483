"""Indexes two collections of images that nobody here made, from Debian, and asks them a few questions.

    python -m benchmarks.debian_gallery WORK [--profile emoji]

`openclipart-png` (8,121 drawings, named by their authors) and `tuxpaint-stamps-default` (796 stamps with captions) are
fetched by apt into WORK, unpacked without being installed, and imported. Every file must come out as a row, as a
repetition, or in the quarantine with a reason. WORK/profile.toml then serves the page on them.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safeclip

ROOT = Path(__file__).parent.parent
QUESTIONS = ("a dog", "a knife", "a syringe", "a red apple", "a train", "a flower", "a skull")


@dataclass(frozen=True)
class Collection:
    """A package of Debian: where its images lie once it is unpacked, how they are captioned, and its licence."""

    package: str
    folder: str
    captions: tuple[str, ...]
    license: str


COLLECTIONS = (
    Collection("openclipart-png", "usr/share/openclipart/png", ("--captions", "names"), "cc0-1.0"),
    Collection("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps", ("--first-line",), "gpl-2.0"),
)


def fetch(collection: Collection, work: Path) -> Path:
    """Downloads and unpacks a package; returns the folder of its images."""
    folder = work / "packages" / collection.folder
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        if not list(work.glob(f"{collection.package}_*.deb")):
            subprocess.run(["apt-get", "download", collection.package], cwd=work, check=True)
        (archive,) = work.glob(f"{collection.package}_*.deb")
        subprocess.run(["dpkg-deb", "--extract", archive, work / "packages"], check=True)
    return folder


def index(words: Sequence[str]) -> float:
    """Runs a command of the index builder; returns its seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "index_builder", *words], cwd=ROOT, check=True)
    return time.perf_counter() - started


def account(folder: Path, source: str, gallery: Path) -> dict[str, Any]:
    """What became of every image file of a source; ends the program when one is missing."""
    files = sum(path.suffix.lower() == ".png" for path in folder.rglob("*") if path.is_file())
    counts = next(each["counts"] for each in read_lines(gallery / "sources.jsonl") if each["source"] == source)
    left_out = [each for each in read_lines(gallery / "quarantine.jsonl") if each["source"] == source]
    reasons = Counter(re.sub("[0-9a-f]{16}|[0-9]+", "…", each["reason"]) for each in left_out)
    outcomes = counts["rows"] + counts.get("present", 0) + len(left_out)
    if outcomes != files or not all(each["reason"] for each in left_out):
        raise SystemExit(f"{folder} holds {files} images, but {outcomes} came out: {dict(counts)}")
    return {"files": files, "counts": dict(counts), "left_out": dict(reasons)}


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def write_profile(base: str, work: Path) -> Path:
    """The profile `base` with the gallery and the indexes of `work`, and with retrieval alone."""
    text = (ROOT / "safeclip" / "profiles" / f"{base}.toml").read_text(encoding="utf-8")
    seats = text[text.index("[[seats]]") : text.index("[retrieval]")]
    about = 'title = "Debian"\ndescription = "Drawings and stamps from Debian under small models of emoji scenes."\n'
    path = work / "profile.toml"
    about += 'license = "Apache-2.0"\n\n'
    path.write_text(f'{about}{seats}[retrieval]\ngallery = "{work / "gallery"}"\nindex = "{work / "index"}"\n')
    return path


def ask(profile: Path) -> dict[str, dict[str, list[str]]]:
    """The captions that each seat finds first, by question."""
    lab = safeclip.open(str(profile))
    return {
        question: {seat: [hit.item.caption for hit in found.hits] for seat, found in answers.items()}
        for question in QUESTIONS
        if (answers := lab.retrieval.compare(question, k=5))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder of the packages, the gallery and the indexes, made when absent")
    parser.add_argument("--profile", default="emoji")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    work = options.work.absolute()
    figures: dict[str, Any] = {}
    for collection in COLLECTIONS:
        folder = fetch(collection, work)
        words = ["import", str(folder), str(work / "gallery"), "--license", collection.license, *collection.captions]
        words += ["--judges", "none"]  # no judge of the embedded profile is valid for clip art
        figures[collection.package] = {"seconds": round(index(words), 1)}
        figures[collection.package] |= account(folder, str(folder), work / "gallery")
    where = ["--gallery", str(work / "gallery"), "--output", str(work / "index"), "--profile", options.profile]
    figures["build_seconds"] = round(index(["build", *where]), 1)
    index(["verify", str(work / "index"), *where[:2], *where[4:]])
    figures["answers"] = ask(write_profile(options.profile, work))
    print(json.dumps(figures, indent=2, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
