"""The exported tour: one file that needs nothing else, in which nothing unsafe is clear."""

import re

import pytest

import demo
from demo.common.blur_policy import data_uri
from demo.settings import Settings
from demo.tour.export import export_tour
from demo.tour.stops import Stop, Tour
from safeclip.errors import SafeClipError


@pytest.fixture(scope="module")
def page(tiny_lab):
    return demo.build(tiny_lab, Settings(lock_reveal=True))


@pytest.fixture(scope="module")
def html(page):
    return export_tour(page.tour, page.tabs, title="A tour", address="https://example.org/a?b=1&c=2")


def test_every_stop_has_its_answer(page, html):
    assert html.count('class="sc-stop"') == len(page.tour.stops) > 0
    assert html.count("sc-columns") - html.count(".sc-columns") >= len(page.tour.stops)


def test_the_file_asks_for_nothing_outside_of_it(html):
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)[^"']*""", html)
    assert "default-src 'none'" in html and not re.findall(r"@import|fetch\(|url\((?![\"']?(?:data:|#))", html)


def test_no_unsafe_picture_is_clear_in_it(html, tiny_lab):
    for item in tiny_lab.gallery.items:
        if item.unsafe:
            assert data_uri(tiny_lab.gallery.image_bytes(item.image_id)) not in html
    assert 'class="sc-cover sc-reveal"' not in html


def test_the_last_stop_has_a_code_and_the_address_under_it(html):
    assert "\\u003csvg" in html and "https://example.org/a?b=1&c=2" in html


def test_a_stop_that_no_task_answers_is_an_error(page):
    with pytest.raises(SafeClipError, match="asks nothing that a task of this profile answers: paint=x"):
        export_tour(Tour((Stop("x", link="paint=x"),)), page.tabs, title="t", address="a")
