"""The captioning endpoint, served."""

import io

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import safeclip
from tests.fakes.serving import client_of, serve


@pytest.fixture(scope="module")
def client(talking_lab):
    lab = safeclip.open(talking_lab.profile)
    page, url = serve(lab)
    assert not lab.captioning.loaded  # the page starts without the language model
    yield client_of(url)
    page.close()


def test_the_endpoint_is_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/retrieve", "/profile", "/caption"}
    parameters = {each["parameter_name"]: each for each in endpoints["/caption"]["parameters"]}
    assert list(parameters) == [
        *("image", "gallery_item", "question", "seats", "max_new_tokens", "temperature", "top_p", "seed")
    ]
    assert "from 1 to 512" in parameters["max_new_tokens"]["python_type"]["description"]


def test_a_gallery_item_and_its_upload_have_one_answer(client, talking_lab, tmp_path):
    item = talking_lab.gallery.items[3]
    options = {"question": "Who is it?", "max_new_tokens": 10, "api_name": "/caption"}
    picked = client.predict(gallery_item=item.image_id, **options)
    expected = talking_lab.captioning.compare(talking_lab.gallery.image(item.image_id), "Who is it?", max_new_tokens=10)
    assert picked["seats"] == expected.to_dict()["seats"] and list(picked["seats"]) == ["original", "safe", "ours"]
    assert picked["judge"]["name"] == "lexicon of ViSU-Emoji"
    assert picked["permalink"].startswith(f"?picture={item.image_id}&question=Who+is+it%3F&seats=safe%2Cours&tokens=10")
    path = tmp_path / "picture.webp"
    path.write_bytes(talking_lab.gallery.image_bytes(item.image_id))
    uploaded = client.predict(image=handle_file(str(path)), **options)
    assert uploaded["seats"] == picked["seats"] and uploaded["permalink"] is None


def test_a_seed_repeats(client, talking_lab):
    options = {"gallery_item": talking_lab.gallery.items[0].image_id, "temperature": 1.0, "max_new_tokens": 8}
    first, again, other = (
        client.predict(**options, seats=["safe"], seed=seed, api_name="/caption") for seed in (1, 1, 2)
    )
    assert first == again and first["seats"] != other["seats"]
    assert list(first["seats"]) == ["original", "safe"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "There is no picture yet"),
        ({"gallery_item": "0" * 16}, "has no picture"),
        ({"gallery_item": "item", "max_new_tokens": 0}, "from 1 to 512"),
        ({"gallery_item": "item", "temperature": 3}, "from 0 to 2"),
        ({"gallery_item": "item", "seats": ["nobody"]}, "no seat “nobody”"),
        ({"gallery_item": "item", "question": "x" * 301}, "shorten it to 300"),
        ({"image": {"path": "/etc/hostname"}}, "was not uploaded"),
    ],
)
def test_errors_are_sentences(client, talking_lab, arguments, said):
    if arguments.get("gallery_item") == "item":
        arguments = arguments | {"gallery_item": talking_lab.gallery.items[0].image_id}
    with pytest.raises(AppError) as error:
        client.predict(**arguments, api_name="/caption")
    assert said in str(error.value) and "Traceback" not in str(error.value)


def odd_pictures() -> dict[str, tuple[bytes, str]]:
    """Name → the file, and what is said of it: "" for one that is a picture after all."""

    def encode(image: Image.Image, format: str, **options) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    colour = Image.effect_noise((64, 48), 90).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "text.png": (b"not a picture", "this is not a picture"),
        "one.png": (encode(Image.new("L", (1, 1)), "PNG"), ""),
        "huge.png": (encode(Image.new("1", (10_000, 6_000)), "PNG"), "60 megapixels"),
        "cmyk.jpg": (encode(colour.convert("CMYK"), "JPEG"), ""),
        "moving.gif": (encode(colour, "GIF", save_all=True, append_images=[colour.rotate(180)]), ""),
        "deep.png": (encode(Image.new("I;16", (40, 30), 30_000), "PNG"), ""),
        "turned.jpg": (encode(colour, "JPEG", exif=exif), ""),
        "transparent.png": (encode(colour.convert("RGBA"), "PNG"), ""),
        "truncated.png": (encode(colour, "PNG")[:900], "damaged or incomplete"),
    }


ODD = odd_pictures()


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("endpoint", [{"api_name": "/caption", "max_new_tokens": 2}, {"api_name": "/retrieve", "k": 1}])
def test_odd_images_are_answered_or_reported(client, tmp_path, name, endpoint):
    data, said = ODD[name]
    path = tmp_path / name
    path.write_bytes(data)
    if not said:
        seats = client.predict(image=handle_file(str(path)), **endpoint)["seats"]
        assert all(seat["error"] is None for seat in seats.values())
        return
    with pytest.raises(AppError, match=said):
        client.predict(image=handle_file(str(path)), **endpoint)
