"""What the name of a checkpoint in a profile means."""

import pytest

from safeclip.runtime.checkpoint_names import Repository, is_open_clip, is_repository, locate


@pytest.mark.parametrize(
    ("name", "repository", "open_clip"),
    [
        ("openai/clip-vit-large-patch14", True, False),
        ("openai/clip-vit-large-patch14@main", True, False),
        ("zoo/open-clip", False, False),
        ("zoo/nothing-yet", False, False),
        ("/models/clip", False, False),
        ("../clip", False, False),
        ("clip", False, False),
        ("a/b/c", False, False),
        ("hf-hub:laion/clip", False, True),
        ("ViT-L-14-quickgelu:openai", False, True),
        ("C:/models/clip", False, False),
    ],
)
def test_a_checkpoint_name_is_a_repository_or_a_folder(name, repository, open_clip):
    assert is_repository(name) is repository
    assert is_open_clip(name) is open_clip
    assert isinstance(locate(name), str) is (repository or open_clip)


def test_a_revision_in_the_name_wins():
    assert Repository.parse("a/b@v1", "v2") == Repository("a/b", "v1")
    assert Repository.parse("a/b", "v2") == Repository("a/b", "v2")
    assert str(Repository("a/b", "0123456789abcdef")) == "a/b@0123456789ab"
