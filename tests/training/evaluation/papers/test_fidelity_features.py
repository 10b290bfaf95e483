"""Features for a Fréchet distance that a user names."""

from unittest.mock import sentinel

import pytest
import torch
from PIL import Image

from training.evaluation.papers.context import Unavailable
from training.evaluation.papers.measurements.fidelity_features import choose_features
from training.evaluation.papers.spec import FidelitySpec

HERE = __name__


class MeanColour(torch.nn.Module):
    """Mean red, green and blue of each image."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().mean((2, 3))


made = MeanColour()
flat = torch.nn.Flatten(0)


def chosen(**named: str):
    return choose_features(FidelitySpec("prompts.txt", "real", **named), sentinel.encoder)


@pytest.mark.parametrize("attribute", ["MeanColour", "made"])
def test_a_module_of_the_users_gives_the_features_and_their_name(attribute):
    from torchmetrics.image.fid import FrechetInceptionDistance

    features = chosen(features=f"{HERE}:{attribute}")
    assert (features.name, features.comparable) == (f"{HERE}:{attribute}", False)
    assert features.network.num_features == 3
    red, green = (features.prepare([Image.new("RGB", (8, 8), colour)] * 2) for colour in ("red", (0, 250, 0)))
    torch.testing.assert_close(features.network(red), torch.tensor([[255.0, 0, 0]] * 2))
    metric = FrechetInceptionDistance(feature=features.network)
    metric.update(red, real=True)
    metric.update(green, real=False)
    assert float(metric.compute()) == pytest.approx(255**2 + 250**2, rel=1e-4)  # no spread: the distance of the means


@pytest.mark.parametrize(
    "named, said",
    [
        ({"features": "no_such_package:Network"}, "cannot be imported .*no_such_package"),
        ({"features": f"{HERE}:Gone"}, "cannot be imported .*Gone"),
        ({"features": f"{HERE}:HERE"}, "cannot be imported"),
        ({"features": "builtins:dict"}, "no torch.nn.Module"),
        ({"features": f"{HERE}:flat"}, r"to \(n, d\), not to \(268203,\)"),
        ({"features": f"{HERE}:made", "inception": "inception.pth"}, "both"),
    ],
)
def test_what_gives_no_features_is_said(named, said):
    with pytest.raises(Unavailable, match=said):
        chosen(**named)
