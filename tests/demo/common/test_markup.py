"""A piece of HTML that is taken apart once gives what Markup gives, and escapes whatever is not Markup already."""

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from demo.common.markup import template

PIECE = """
    <a title="{title}"
    class="x">{}, {score:.3f} {{kept}}{}
    {title}</a>
"""
values = st.text(max_size=20) | st.text(max_size=20).map(Markup) | st.integers() | st.none()


@given(values, values, values, st.floats(allow_nan=False))
def test_a_template_fills_in_as_markup_does(first, second, title, score):
    piece = template(PIECE)
    given = {"title": title, "score": score}
    made = piece.format(first, second, **given)
    assert made == Markup(str(piece)).format(first, second, **given) and type(made) is Markup


def test_white_space_is_for_the_reader():
    assert str(template(PIECE)) == '<a title="{title}" class="x">{}, {score:.3f} {{kept}}{}{title}</a>'


@given(values, values, values, st.floats(allow_nan=False))
def test_a_template_can_be_filled_in_by_and_by(first, second, title, score):
    piece = template('<a title="{title}">{name} {{kept}} {score:.3f}</a>')
    name = template("{first}, {second}").partly(second=second)
    partly = piece.partly(title=title, name=name)
    whole = piece.format(
        title=title, name=template("{first}, {second}").format(first=first, second=second), score=score
    )
    assert partly.format(first=first, score=score) == whole
    assert "".join(template("{}!").pieces(partly.pieces(first=first, score=score))) == f"{whole}!"
