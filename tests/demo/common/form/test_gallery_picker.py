"""The gallery picker: pages and filters, whatever the browser asks for."""

import pytest

from demo.common.blur_policy import BlurPolicy
from demo.common.form import gallery_picker as picker


@pytest.mark.parametrize(
    "data", [{}, {"page": -1}, {"page": "x", "category": None}, {"words": 3}, {"page": 10**9, "category": "safe"}]
)
def test_any_filter_is_drawn(tiny_lab, data):
    policy = BlurPolicy(tiny_lab.gallery, locked=True)
    assert "sc-filter" in picker.draw(tiny_lab.gallery, picker.PickerFilter.read(data), policy)


def test_it_filters_by_category_and_by_words(tiny_lab):
    policy = BlurPolicy(tiny_lab.gallery, locked=False)
    assert "6 pictures" in picker.draw(tiny_lab.gallery, picker.PickerFilter("safe"), policy)
    assert "1 picture<" in picker.draw(tiny_lab.gallery, picker.PickerFilter(words="CHEF knife"), policy)
