"""Tours: what their file may say, and what a profile without one gets."""

from dataclasses import replace

import pytest

import demo
import safeclip
from demo.common.examples import Example
from demo.retrieval.request import RetrievalRequest
from demo.settings import Settings
from demo.tour.stops import FILE, MAX_SECONDS, MAX_STOPS, tour_of
from safeclip.errors import ProfileError
from safeclip.profile_changes import searches_its_gallery, with_gallery
from safeclip.profiles import load_profile
from safeclip.schema import read_table

EXAMPLES = {"retrieval": [Example("Violence", RetrievalRequest(text=f"a dog {i}")) for i in range(6)]}


def written(tmp_path, *stops: str):
    file = tmp_path / "tour.toml"
    file.write_text("".join(f"[[mine.stops]]\n{stop}\n" for stop in stops))
    return file


def test_a_stop_has_its_link_or_that_of_an_example(tmp_path):
    file = written(
        tmp_path,
        'title = "One"\nlink = "q=a+dog"\nseconds = 10',
        'title = "Two"\ntask = "retrieval"\nexample = "Violence"',
    )
    tour = tour_of("mine", EXAMPLES, file)
    assert [stop.link for stop in tour.stops] == ["q=a+dog", EXAMPLES["retrieval"][0].request.to_link()]
    assert tour.seconds == 30


@pytest.mark.parametrize(
    ("stops", "said"),
    [
        (['title = "x"\nlink = "q=x"'] * (MAX_STOPS + 1), f"13 stops; it needs 1 to {MAX_STOPS}"),
        (['title = "x"\nlink = "q=x"\nseconds = 241'], f"takes 241 s; shorten its stops to {MAX_SECONDS} s"),
        (['title = "x"\ntask = "retrieval"\nexample = "Hate"'], "no example “Hate”; its examples: Violence"),
        (['title = "x"'], "has no link"),
        (['title = "x"\nlnk = "q=x"'], "unknown key “mine.stops\\[0\\].lnk”"),
    ],
)
def test_a_tour_that_cannot_be_walked_is_an_error(tmp_path, stops, said):
    with pytest.raises(ProfileError, match=said):
        tour_of("mine", EXAMPLES, written(tmp_path, *stops))


def test_a_profile_without_a_tour_walks_through_its_examples(tmp_path):
    tour = tour_of("other", EXAMPLES | {"generation": EXAMPLES["retrieval"]}, written(tmp_path, 'title = "x"'))
    assert [stop.title for stop in tour.stops] == ["Violence"] * 4
    assert all(stop.link.startswith("q=a+dog") for stop in tour.stops)


def test_stops_of_a_task_that_the_page_does_not_have_are_left_out(tmp_path):
    stops = 'title = "One"\nlink = "q=a+dog"', 'title = "Two"\ntask = "captioning"\nexample = "Violence"'
    assert [stop.title for stop in tour_of("mine", EXAMPLES, written(tmp_path, *stops)).stops] == ["One"]


def test_a_page_over_a_gallery_of_the_users_has_a_tour_of_its_examples(tiny_lab, tmp_path):
    """What is written for emoji names examples of its own gallery, which a folder that is not indexed yet lacks."""
    assert searches_its_gallery(load_profile("emoji"))
    profile = with_gallery(replace(load_profile("emoji"), seats=tiny_lab.profile.seats), str(tmp_path))
    profile = replace(profile, generation=None, failures=None, redteam=None)
    page = demo.build(safeclip.open(profile), Settings())
    assert "captioning" in page.tabs and not page.tabs["captioning"].examples
    assert [stop.title for stop in page.tour.stops] == ["Violence"] * 4
    with pytest.raises(ProfileError, match="no example “Illegal-activity”"):
        tour_of("emoji", {task: tab.examples for task, tab in page.tabs.items()})


def test_every_stop_that_is_written_tells_the_audience_and_the_speaker_something():
    for name, table in read_table(FILE, "tours").items():
        for stop in table["stops"]:
            assert stop["title"] and stop["point"] and stop["notes"], (name, stop)
