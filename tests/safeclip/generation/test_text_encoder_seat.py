"""A seat that is a text encoder alone, as SAGE: it paints as a plain pipeline with it, and does not search."""

import dataclasses

import pytest
import torch
from transformers import CLIPModel

import safeclip
from safeclip.errors import CheckpointError
from safeclip.profiles import Seat
from tests.fakes.side_by_side import PROMPT, assert_same, differs, plain


def test_a_state_dict_of_a_text_encoder_paints_and_does_not_search(painting_lab, tiny_clip, make, tmp_path):
    tuned = CLIPModel.from_pretrained(make.clip(tmp_path / "tuned", seed=4)).text_model
    (tmp_path / "sage").mkdir()
    torch.save(tuned.state_dict(), tmp_path / "sage" / "sage_nudity.pt")
    sage = Seat("sage", "SAGE", str(tmp_path / "sage"), kind="text", processor=str(tiny_clip))
    seats = (painting_lab.profile.seats[0], sage)
    spec = dataclasses.replace(painting_lab.profile.generation, seats=seats)
    generation = safeclip.open(dataclasses.replace(painting_lab.profile, generation=spec)).generation
    found = generation.compare(PROMPT, seed=7)
    assert found["sage"].error is None
    assert_same(found["sage"].pictures[0], plain(spec.checkpoint, tuned))
    assert differs(found["sage"].pictures[0], found["original"].pictures[0])

    lab = safeclip.open(dataclasses.replace(painting_lab.profile, seats=seats))
    assert "cannot search" in lab.retrieval.compare("a dog")["sage"].error
    torch.save({}, tmp_path / "sage" / "second.pt")
    with pytest.raises(CheckpointError, match="several files of weights: sage_nudity.pt, second.pt"):
        _ = safeclip.open(dataclasses.replace(painting_lab.profile, seats=(sage,))).encoders["sage"]
