"""A visitor's session holds what is the visitor's own, and no copy of what the page is."""

from gradio.state_holder import SessionState

import demo
from demo.settings import Settings


def test_a_session_keeps_no_description_of_the_page(tiny_lab):
    page = demo.build(tiny_lab, Settings())
    session = SessionState(page)
    output = page.tabs["retrieval"].output
    session._update_value_in_config(output._id, "<p>an answer</p>")  # as Gradio does after each answer
    assert page.get_config_file()["components"]
    assert list(session.components) == []
    assert session[output._id] is output
