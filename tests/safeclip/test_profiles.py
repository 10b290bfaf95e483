from dataclasses import replace

import pytest

from safeclip.errors import ProfileError
from safeclip.paths import resolve, root
from safeclip.profiles import Profile, RetrievalSpec, Seat, list_profiles, load_profile
from safeclip.retrieval.places import index_folder

GOOD = """
title = "T"
description = "D"
license = "MIT"
[[seats]]
key = "original"
label = "CLIP"
checkpoint = "zoo/open-clip"
[[seats]]
key = "safe"
label = "Safe-CLIP"
checkpoint = "zoo/open-clip"
adapter = "zoo/safe"
[retrieval]
gallery = "zoo/open-gallery"
index = "zoo/index"
"""


def write(directory, text):
    path = directory / "mine.toml"
    path.write_text(text)
    return path


def test_a_profile_is_read_as_written(tmp_path):
    assert load_profile(write(tmp_path, GOOD)) == Profile(
        name="mine",
        title="T",
        description="D",
        license="MIT",
        seats=(
            Seat("original", "CLIP", "zoo/open-clip"),
            Seat("safe", "Safe-CLIP", "zoo/open-clip", adapter="zoo/safe"),
        ),
        retrieval=RetrievalSpec(gallery="zoo/open-gallery", index="zoo/index"),
    )


def test_the_retrieval_section_may_be_left_out(tmp_path):
    assert load_profile(write(tmp_path, GOOD.split("[retrieval]")[0])).retrieval is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "T"', 'title = "T"\ncolour = "red"', ["unknown key “colour”", "Known keys"]),
        ('label = "Safe-CLIP"', 'label = "Safe-CLIP"\nadaptor = "x"', ["“seats[1].adaptor”", "mean “adapter”"]),
        ("[retrieval]", '[retrieval]\nindexes = "x"', ["“retrieval.indexes”", "mean “index”"]),
        ('title = "T"', "title = 3", ["“title” must be text", "3"]),
        ('license = "MIT"', "license = true", ["“license” must be text"]),
        ('license = "MIT"', "", ["“license” is missing"]),
        ('gallery = "zoo/open-gallery"', "", ["names neither a gallery nor a source"]),
        ('adapter = "zoo/safe"', 'adapter = ["zoo/safe"]', ["“seats[1].adapter” must be text"]),
        ('key = "safe"', 'key = "original"', ["“seats[1].key”", "repeats 'original'"]),
        ('key = "safe"', 'key = "../up"', ["“seats[1].key”", "lower-case"]),
        ('key = "safe"', 'key = "safe"\nkind = "round"', ["“seats[1].kind” is 'round'", "clip, hyperbolic"]),
        ('key = "safe"', 'key = "safe"\ndtype = "int8"', ["“seats[1].dtype” is 'int8'", "bfloat16"]),
        ('title = "T"', "title = ", ["not a valid TOML file"]),
        ('adapter = "zoo/safe"', "memory_gb = nan", ["“seats[1].memory_gb” is nan", "from 0"]),
        ('adapter = "zoo/safe"', "download_gb = -3", ["“seats[1].download_gb” is -3.0"]),
        ('checkpoint = "zoo/open-clip"\nadapter', 'checkpoint = ""\nadapter', ["“seats[1].checkpoint” is empty"]),
        ("[retrieval]", "[retrieval]\nrows = -5", ["“retrieval.rows” is -5", "0 for all"]),
        ("[retrieval]", '[generation]\ncheckpoint = " "\n[retrieval]', ["“generation.checkpoint” is empty"]),
        (
            "[retrieval]",
            '[captioning]\ncheckpoint = "x"\nmemory_gb = inf\n[retrieval]',
            ["“captioning.memory_gb” is inf"],
        ),
    ],
)
def test_a_fault_is_named_with_its_key_and_file(tmp_path, old, new, says):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    for words in (str(path), *says):
        assert words in str(caught.value)


@pytest.mark.parametrize(("seats", "says"), [("seats = []", "empty"), ("seats = 'x'", "a list"), ("", "missing")])
def test_a_profile_needs_seats(tmp_path, seats, says):
    path = write(tmp_path, f'title = "T"\ndescription = ""\nlicense = ""\n{seats}\n')
    with pytest.raises(ProfileError, match=f"“seats”.*{says}"):
        load_profile(path)


def test_a_seat_that_is_no_table_is_reported(tmp_path):
    path = write(tmp_path, 'title = "T"\ndescription = ""\nlicense = ""\nseats = ["clip"]\n')
    with pytest.raises(ProfileError, match=r"“seats\[0\]” must be a table"):
        load_profile(path)


@pytest.mark.parametrize("name", ["emojy", "", "../emoji"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ProfileError, match="Known profiles: .*emoji"):
        load_profile(name)


@pytest.mark.parametrize("name", [None, 3, ["emoji"]])
def test_what_is_no_name_is_told_what_one_is(name):
    with pytest.raises(ProfileError, match=r"its name or the path of its \.toml file, not"):
        load_profile(name)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(ProfileError, match="none.toml: the profile cannot be read"):
        load_profile(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_reported(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="not a valid TOML"):
        load_profile(tmp_path / "binary.toml")


def test_every_profile_of_the_package_is_valid():
    assert "emoji" in list_profiles()
    for name in list_profiles():
        assert load_profile(name).name == name


def test_emoji_seats_the_paper_and_ours_beside_clip():
    assert [(seat.key, seat.adapter) for seat in load_profile("emoji").seats] == [
        ("original", None),
        ("safe", "zoo/open-safe-clip"),
        ("ours", "zoo/open-safe-clip-mixed"),
    ]


def test_relative_paths_start_at_the_root(tmp_path, monkeypatch):
    assert (root() / "safeclip" / "profiles" / "emoji.toml").is_file()
    monkeypatch.setenv("SAFECLIP_ROOT", str(tmp_path))
    assert resolve("zoo/open-clip") == tmp_path / "zoo" / "open-clip"
    assert resolve(tmp_path / "elsewhere") == tmp_path / "elsewhere"


def test_a_profile_that_searches_nothing_has_no_folder_of_indexes():
    with pytest.raises(ProfileError, match=r"“emoji” has no \[retrieval\] section"):
        index_folder(replace(load_profile("emoji"), retrieval=None))
