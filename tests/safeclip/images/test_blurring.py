import numpy as np
import pytest
from PIL import Image

from safeclip.images.blurring import smeared


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (2000, 3), (128, 128)])
def test_every_image_is_degraded_to_a_few_pixels(mode, size):
    smear = smeared(Image.new(mode, size))
    assert (smear.mode, smear.size) == ("RGB", (48, 48))


def test_degrading_keeps_colours_and_removes_detail():
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, :32, 0] = halves[:, 32:, 2] = 255
    stripes = halves.copy()
    stripes[::2] = 0  # a pixel high, over the same two colours
    for picture, full in ((halves, 255), (stripes, 127)):
        smear = np.asarray(smeared(Image.fromarray(picture)), int)
        assert np.abs(smear[:, 3] - [full, 0, 0]).max() <= 3 and np.abs(smear[:, -4] - [0, 0, full]).max() <= 3
        assert np.ptp(smear, axis=0).max() <= 2  # columns are even: the stripes are gone
