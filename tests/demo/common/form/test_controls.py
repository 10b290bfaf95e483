"""Controls have the range, the choices and the label of the field's declaration."""

import gradio as gr

from demo.common.form.controls import control, update
from demo.generation.request import LAST_SEED, GenerationRequest
from demo.retrieval.request import MAX_CHARACTERS, MAX_K, RetrievalRequest


def test_each_kind_of_field_has_its_component(tiny_lab):
    seats = tiny_lab.encoders.seats
    request = RetrievalRequest(text="a dog", k=5, seats=("ours",))
    text, k, search, columns = (control(request, name, seats) for name in ("text", "k", "search", "seats"))
    assert isinstance(text, gr.Textbox) and (text.value, text.max_length) == ("a dog", MAX_CHARACTERS)
    assert isinstance(k, gr.Slider) and (k.minimum, k.maximum, k.value) == (1, MAX_K, 5)
    assert isinstance(search, gr.Radio) and search.choices == [("Images", "images"), ("Captions", "captions")]
    assert isinstance(columns, gr.CheckboxGroup) and columns.value == ["ours"] and columns.label == "Beside CLIP"
    seed = control(GenerationRequest(seed=3), "seed", seats, label="Noise")
    assert isinstance(seed, gr.Number) and (seed.maximum, seed.value, seed.label) == (LAST_SEED, 3, "Noise")


def test_seats_that_the_profile_lacks_are_not_shown(tiny_lab):
    request = RetrievalRequest(text="a", seats=("nobody", "ours", "safe"))
    assert update(request, "seats", tiny_lab.encoders.seats) == ["safe", "ours"]
    assert update(request, "text", tiny_lab.encoders.seats) == "a"


def test_another_profiles_seats_leave_the_usual_comparison_and_none_is_a_choice(tiny_lab):
    seats = tiny_lab.encoders.seats
    assert update(RetrievalRequest(text="a", seats=("nobody",)), "seats", seats) == ["safe", "ours"]
    assert update(RetrievalRequest(text="a", seats=()), "seats", seats) == []
