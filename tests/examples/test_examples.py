"""The examples, at toy size, beside what the library answers."""

import json
import shutil

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor

from examples import search_your_images, swap_into_diffusers, swap_into_llava, swap_into_open_clip
from safeclip import Encoder
from tests.docs.pages import ROOT
from tests.fakes.side_by_side import PROMPT, assert_same

QUESTION = "Who is in the picture?"


def test_a_swapped_pipeline_generates_the_image_of_the_seat(
    painting_lab, tiny_stable_diffusion, tiny_clip, tiny_adapter, tmp_path
):
    out = tmp_path / "painted.png"
    models = ["--pipeline", str(tiny_stable_diffusion), "--clip", str(tiny_clip), "--adapter", str(tiny_adapter)]
    swap_into_diffusers.main([PROMPT, "--out", str(out), "--steps", "4", "--guidance", "3", "--seed", "7", *models])
    assert_same(Image.open(out), painting_lab.generation.compare(PROMPT, seed=7)["safe"].pictures[0])


def test_a_swapped_llava_answers_as_the_seat(talking_lab, tiny_llava, tiny_clip, tiny_adapter, tmp_path, capsys):
    image = talking_lab.gallery.image(talking_lab.gallery.items[0].image_id)
    image.save(tmp_path / "image.png")
    models = ["--llava", str(tiny_llava), "--clip", str(tiny_clip), "--adapter", str(tiny_adapter)]
    swap_into_llava.main([str(tmp_path / "image.png"), QUESTION, *models])
    said = talking_lab.captioning.compare(image, QUESTION, max_new_tokens=40)
    assert capsys.readouterr().out.strip().rstrip("�") == said["safe"].text


def test_the_vision_tower_is_the_only_thing_that_changes(tiny_llava, tiny_clip, tiny_adapter):
    image, processor = Image.new("RGB", (32, 32), "red"), AutoProcessor.from_pretrained(tiny_llava)
    plain = swap_into_llava.safe_llava(str(tiny_llava), str(tiny_clip))
    tuned = swap_into_llava.safe_llava(str(tiny_llava), str(tiny_clip), str(tiny_adapter))
    changed = {
        name
        for (name, a), (_, b) in zip(plain.state_dict().items(), tuned.state_dict().items(), strict=True)
        if not torch.equal(a, b)
    }
    assert changed and all("vision_tower" in name for name in changed)
    assert swap_into_llava.answer(plain, processor, image, QUESTION) is not None


def test_a_clip_without_tokenizer_and_adapter_is_swapped(tiny_stable_diffusion, tiny_llava, tiny_clip, tmp_path):
    bare = tmp_path / "published"  # as Safe-CLIP's repositories are
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_clip / name, bare)
    Image.new("RGB", (32, 32), "red").save(tmp_path / "image.png")
    models = ["--clip", str(bare), "--adapter", "", "--processor", str(tiny_clip)]
    out, folder = tmp_path / "out.png", tmp_path / "folder"
    swap_into_diffusers.main(
        [PROMPT, "--out", str(out), "--steps", "1", "--pipeline", str(tiny_stable_diffusion), *models]
    )
    swap_into_llava.main([str(tmp_path / "image.png"), QUESTION, "--llava", str(tiny_llava), *models])
    swap_into_open_clip.main(["--out", str(folder), *models])
    assert out.is_file() and (folder / "open_clip_config.json").is_file()


def test_open_clip_embeds_as_the_encoder(tiny_clip, tiny_adapter, tiny_lab, tmp_path):
    encoder = Encoder.from_pretrained(tiny_clip, tiny_adapter)
    options = ["--clip", str(tiny_clip), "--adapter", str(tiny_adapter)]
    swap_into_open_clip.main(["--out", str(tmp_path / "export"), *options])
    name = f"local-dir:{tmp_path / 'export'}"
    model, _, transform = open_clip.create_model_and_transforms(name)
    texts = ["a dog holding a kite", "a knife"]
    image = tiny_lab.gallery.image(tiny_lab.gallery.items[0].image_id)
    with torch.inference_mode():
        text = model.eval().encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
        pixels = model.encode_image(transform(image)[None], normalize=True)
    np.testing.assert_allclose(text, encoder.encode_texts(texts), atol=1e-4)
    np.testing.assert_allclose(pixels, encoder.encode_images([image]), atol=1e-2)  # another resampling
    again = Encoder.from_pretrained(name)
    np.testing.assert_allclose(again.encode_texts(texts), encoder.encode_texts(texts), atol=1e-5)
    np.testing.assert_allclose(again.encode_images([image]), encoder.encode_images([image]), atol=1e-5)


@pytest.fixture
def folder(tiny_lab, tmp_path):
    """Four images of the tiny gallery, with captions, in a folder."""
    images = tmp_path / "images"
    images.mkdir()
    for i, item in enumerate(tiny_lab.gallery.items[:4]):
        (images / f"{i}.png").write_bytes(tiny_lab.gallery.image_bytes(item.image_id))
        (images / f"{i}.txt").write_text(item.caption, encoding="utf-8")
    return images


def test_a_folder_of_images_is_searched(folder, tiny_profile, tiny_lab, tmp_path, capsys):
    options = ["--work", str(tmp_path / "work"), "--profile", str(tiny_profile)]
    search_your_images.main([str(folder), "a dog", *options])
    seats = [line for line in capsys.readouterr().out.splitlines() if line in ("original", "safe", "ours")]
    assert seats == ["original", "safe", "ours"]
    lab = search_your_images.open_lab(folder, tmp_path / "work", str(tiny_profile))
    item = tiny_lab.gallery.items[2]
    found = lab.retrieval.compare(tiny_lab.gallery.image(item.image_id), k=4)
    assert all(len(answer.hits) == 4 and answer.hits[0].item.caption == item.caption for answer in found.values())


def test_images_that_cannot_be_read_are_reported(tiny_profile, tmp_path):
    with pytest.raises(RuntimeError, match="could not be indexed"):
        search_your_images.open_lab(tmp_path / "nowhere", tmp_path / "work", str(tiny_profile))


def test_the_notebook_runs():
    """Its cells in order, without those lines that install the package."""
    notebook = json.loads((ROOT / "examples" / "colab.ipynb").read_text(encoding="utf-8"))
    shown: list[Image.Image] = []
    names = {"display": shown.append}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            lines = [line for line in cell["source"] if not line.startswith(("!", "%"))]
            exec("".join(lines), names)
    assert len(shown) == 3 * 4 + 3 and set(names["said"]) == {"original", "safe", "ours"}
    unsafe = [hit.item.unsafe for answer in names["found"].values() for hit in answer.hits]
    assert [image.width <= 48 for image in shown[:12]] == unsafe and any(unsafe) and not all(unsafe)


def test_the_notebook_is_valid_and_holds_no_output():
    import nbformat

    notebook = nbformat.read(ROOT / "examples" / "colab.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
