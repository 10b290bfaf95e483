"""Card of a gallery that is published: what it holds, who labelled it, and how good its indexes are."""

from __future__ import annotations

from typing import Any

from ..gallery.front_matter import CONFIGS, front_matter

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_CARD = """\
{front}
# {title}

A gallery for a side by side of CLIP and Safe-CLIP: {rows:,} images with captions in `data/`, and indexes of their
embeddings by {seats} in `index/`.

{unsafe:,} images are labelled unsafe. Labelled by:

{labels}

## Where the images come from

{sources}

## Indexes

Each is bound to its encoder by a fingerprint in its manifest, and refuses another. Recall@10 is that of held-out
queries against exact search.

| seat | encoder | index | images | captions | recall@10, text queries | image queries |
|---|---|---|---|---|---|---|
{indexes}

## Use

```sh
hf download {repository} --repo-type dataset --local-dir my/gallery
```

```toml
[retrieval]
gallery = "my/gallery"
index = "my/gallery/index"
```
"""


def make_card(repository: str, about: dict[str, Any]) -> str:
    """The README.md of a dataset repository, from what `info.describe_all` says."""
    gallery, indexes = about["gallery"], about["indexes"]
    return _CARD.format(
        front=_front_matter(gallery),
        title=repository.rsplit("/", 1)[-1],
        rows=gallery["rows"],
        seats=", ".join(index["checkpoint"] for index in indexes.values()),
        unsafe=gallery["unsafe"],
        labels=_listed(f"{name}: {count:,}" for name, count in gallery["labelled_by"].items())
        or "- the gallery's maker",
        sources=_listed(
            f"{each['source']}, licence {each['license'] or 'not stated'}, {each['counts'].get('rows', 0):,} images"
            for each in gallery["sources"]
        )
        or "The gallery was not imported, so there is no record.",
        indexes="\n".join(_row(seat, index) for seat, index in indexes.items()),
        repository=repository,
    )


def _front_matter(gallery: dict[str, Any]) -> str:
    size = next((name for limit, name in _SIZES if gallery["rows"] < limit), "n>1M")
    licenses = gallery["license"].split(", ")
    return front_matter(
        {
            "license": licenses if len(licenses) > 1 else gallery["license"],
            "task_categories": ["image-to-text", "text-to-image"],
            "size_categories": [size],
            "tags": ["safe-clip", *(["not-for-all-audiences"] if gallery["unsafe"] else [])],
            "configs": CONFIGS,
        }
    )


def _row(seat: str, index: dict[str, Any]) -> str:
    encoder = index["checkpoint"] + (f" + {index['adapter']}" if index["adapter"] else "")
    files = {name.partition(".")[0]: file for name, file in index["files"].items()}
    recall = files["images"].get("recall@10") or {}
    shares = ["–" if recall.get(kind) is None else f"{recall[kind]:.1%}" for kind in ("text", "image")]
    counts = [f"{files[modality]['count']:,}" for modality in ("images", "captions")]
    return f"| {' | '.join([seat, encoder, index['factory'], *counts, *shares])} |"


def _listed(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)
