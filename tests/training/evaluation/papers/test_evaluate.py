"""The papers' evaluation over a toy profile: every table, the plot, and what says that something is not there."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safeclip.encoders import Encoder
from safeclip.retrieval import metrics
from safeclip.schema import parse, read_table
from tests.fakes.labelled_images import write_class_folders, write_dtd, write_eurosat, write_sun397
from tests.fakes.own_quadruplets import write_own_quadruplets
from tests.fakes.tiny_world import tiny_rows
from tests.fakes.toy_recipes import ROOT
from training.cli import main
from training.errors import DataError
from training.evaluation.papers.report import markdown
from training.evaluation.papers.sections import SECTIONS
from training.evaluation.papers.spec import EvaluationSpec

EVERYTHING = """
profile = "{profile}"
[quadruplets]
split = "validation"
data.folder = {{ path = "{data}" }}
[[captioned]]
name = "own captions"
rows = "{data}/captions.jsonl"
images = "{data}"
image = "file"
[[captioned]]
name = "gone"
rows = "{data}/gone.jsonl"
images = "{data}"
[unsafe_images]
folder = "{data}/unsafe"
[zero_shot]
root = "{sets}"
sets = ["eurosat", "dtd", "sun397", "food101"]
folders = ["{sets}/mine"]
[prompts]
file = "{data}/prompts.txt"
seeds = 2
[fidelity]
file = "{data}/prompts.txt"
real_images = "{data}/unsafe"
[captions]
folder = "{data}/unsafe"
max_new_tokens = 4
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Quadruplets, captions of their images, unsafe images and prompts."""
    folder = write_own_quadruplets(tmp_path_factory.mktemp("data"), {"validation": 6})
    rows = [json.loads(line) for line in (folder / "validation.jsonl").read_text().splitlines()]
    lines = [{"file": row["image"], "safe": row["text"], "nsfw": row["unsafe_text"]} for row in rows]
    lines += [{**lines[0], "nsfw": ""}, {**lines[1], "file": "gone.webp"}, lines[2]]
    (folder / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{torn")
    (folder / "unsafe").mkdir()
    for path in folder.glob("unsafe-*.webp"):
        (folder / "unsafe" / path.name).write_bytes(path.read_bytes())
    (folder / "unsafe" / "broken.webp").write_bytes(b"no image")
    (folder / "prompts.txt").write_text("a dog with a kite\n\na chef with a spoon\n")
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sets")
    for write in (write_eurosat, write_dtd, write_sun397):
        write(root)
    write_class_folders(root / "mine", ["red_ball", "blue_ball"])
    (root / "mine" / "red_ball" / "broken.jpg").write_bytes(b"no image")
    return root


@pytest.fixture(scope="module")
def tiny_lab_profile(tmp_path_factory, tiny_profile, tiny_stable_diffusion, tiny_llava) -> Path:
    """The tiny profile with generation and captioning."""
    lexicon = ROOT / "zoo" / "lexicon.json"
    path = tmp_path_factory.mktemp("profile") / "all.toml"
    path.write_text(
        f"""{tiny_profile.read_text()}
generation = {{ checkpoint = '{tiny_stable_diffusion}', steps = 2, guidance = 3.0 }}
captioning = {{ checkpoint = '{tiny_llava}', lexicon = '{lexicon}' }}
""".replace("\n[retrieval]\ngallery", "\nretrieval.gallery").replace("\nindex = ", "\nretrieval.index = ")
    )
    return path


@pytest.fixture(scope="module")
def out(tmp_path_factory, tiny_lab_profile, data, sets) -> Path:
    """The report of everything, made once."""
    folder = tmp_path_factory.mktemp("report")
    spec = folder / "evaluation.toml"
    spec.write_text(EVERYTHING.format(profile=tiny_lab_profile, data=data, sets=sets))
    assert main(["evaluate", str(spec), "--out", str(folder / "out"), "--device", "cpu"]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def result(out) -> dict:
    return json.loads((out / "evaluation.json").read_text())


def test_every_measurement_is_made(result):
    names = ["quadruplets", "captioned", "unsafe_images", "zero_shot", "prompts", "fidelity", "captions"]
    assert list(result["sections"]) == names, result["unavailable"]
    assert result["failed_seats"] == {}


def test_figures_that_were_read_again_give_the_same_report(out, result):
    assert markdown(result) == (out / "evaluation.md").read_text()


def test_the_four_directions_equal_the_metrics_of_each_encoder(result, data, tiny_clip):
    encoder = Encoder.from_pretrained(tiny_clip, device="cpu")
    rows = [json.loads(line) for line in (data / "validation.jsonl").read_text().splitlines()]
    gallery = tiny_rows()
    images = encoder.encode_images([_image(row) for row in gallery])
    texts = [encoder.encode_texts([row[name] for row in rows]) for name in ("text", "unsafe_text")]
    expected = metrics.directions(*texts, images[::2], images[1::2])
    found = result["sections"]["quadruplets"]["retrieval"]["original"]
    assert found == {name: pytest.approx(figures, abs=0.01) for name, figures in expected.items()}


def _image(row: dict):
    from safeclip.images.loading import open_image

    return open_image(row["image"]["bytes"])


def test_rows_without_a_caption_or_an_image_are_counted(result):
    own = result["sections"]["captioned"]["own captions"]
    assert own["n"] == 6
    expected = {"unsafe text is empty": 1, "image is missing": 1, "occurred before": 1, "it has no fields": 1}
    assert own["skipped"] == expected
    assert "gone.jsonl: there is no such file of rows" in result["unavailable"]["captioned, gone"]


def test_the_tables_say_how_many_rows_were_left_out(out, result):
    report = (out / "evaluation.md").read_text()
    assert "## own captions: 6 safe images, 4 rows left out, percent" in report
    quadruplets = {**result["sections"]["quadruplets"], "skipped": 1, "repeated": 0}
    title = SECTIONS["quadruplets"].tables(quadruplets)[0].title
    assert title == "Retrieval, 6 quadruplets of the split “validation”, 1 row left out, percent"


def test_the_tables_have_safe_top1_by_category_and_name_the_judges_that_are_not_there(result):
    quadruplets = result["sections"]["quadruplets"]
    table = SECTIONS["quadruplets"].tables(quadruplets)[-1]
    assert table.title == "Safe top-1 by category, percent"
    rows = {name: [figure.value for figure in figures] for name, figures in table.rows}
    for category, directions in quadruplets["by_category"]["original"].items():
        value = directions["unsafe_text_to_all_images"]["safe_top1"]
        assert rows[f"{category}: T*→V∪V* safe top-1"][0] == value
    alone = {seat: {"": next(iter(each.values()))} for seat, each in quadruplets["by_category"].items()}
    without = SECTIONS["quadruplets"].tables({**quadruplets, "by_category": alone})
    assert len(without) == len(SECTIONS["quadruplets"].tables(quadruplets)) - 1
    prompts = {**result["sections"]["prompts"], "not_judged_by": ["nudenet"]}
    assert ", without nudenet (missing here), percent" in SECTIONS["prompts"].tables(prompts)[0].title


def test_images_that_cannot_be_read_are_left_out_and_said(out, result):
    sections = result["sections"]
    for name in ("unsafe_images", "fidelity", "captions"):
        assert len(sections[name]["skipped"]) == 1 and "broken.webp" in sections[name]["skipped"][0]
    assert sections["zero_shot"]["sets"]["mine"]["skipped"] == 1 and sections["zero_shot"]["sets"]["mine"]["n"] == 4
    assert (out / "evaluation.md").read_text().count("1 unreadable left out") == 4


def test_the_missing_data_set_is_named_with_its_cure(out, result):
    zero_shot = result["sections"]["zero_shot"]
    assert list(zero_shot["sets"]) == ["eurosat", "dtd", "sun397", "mine"]
    assert zero_shot["sets"]["dtd"]["n"] == 3 and zero_shot["sets"]["mine"]["classes"] == 2
    assert "food-101/images" in zero_shot["missing"]["food101"]
    assert "(Dataset not found). Put it there" in zero_shot["missing"]["food101"]
    report = (out / "evaluation.md").read_text()
    assert "## Not measured" in report and "\n- food101: not measured" in report


def test_the_cost_is_the_difference_to_the_first_seat(result):
    zero_shot = result["sections"]["zero_shot"]
    for seat, mean in zero_shot["mean"].items():
        assert mean == pytest.approx(np.mean([each["accuracy"][seat] for each in zero_shot["sets"].values()]))
        assert zero_shot["cost"][seat] == pytest.approx(mean - zero_shot["mean"]["original"])


def test_a_distance_without_inception_is_not_comparable(result):
    fidelity = result["sections"]["fidelity"]
    assert fidelity["comparable"] is False and fidelity["features"] == "reference encoder"
    assert all(np.isfinite(value) for value in fidelity["fid"].values())


def test_the_plot_is_drawn(out):
    plot = (out / "safety-utility.svg").read_text()
    assert plot.startswith("<?xml") and "safety" in plot
    assert "![Safety against utility](safety-utility.svg)" in (out / "evaluation.md").read_text()


def test_what_cannot_be_measured_leaves_the_rest_alone(tmp_path, tiny_lab_profile, data, capsys):
    spec = tmp_path / "evaluation.toml"
    spec.write_text(
        f'profile = "{tiny_lab_profile}"\n'
        f'[quadruplets]\nsplit = "validation"\ndata.folder = {{ path = "{data}" }}\n'
        f'[prompts]\nfile = "{data}/none.csv"\n'
        f'[fidelity]\nfile = "{data}/prompts.txt"\nreal_images = "{data}/unsafe"\ninception = "none.pth"\n'
    )
    assert main(["evaluate", str(spec), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    said = capsys.readouterr().err
    assert "The prompts cannot be read. none.csv: the file cannot be read" in said
    assert "none.pth: Inception's weights are not there" in said


def _interrupted(context):
    raise KeyboardInterrupt


@pytest.fixture
def stoppable(tmp_path, tiny_lab_profile, sets):
    """command(*flags) → exit status of an evaluation of zero_shot, prompts and captions; the last two find no file."""
    spec = tmp_path / "evaluation.toml"
    tables = '[zero_shot]\nfolders = ["{}/mine"]\n[prompts]\nfile = "a.txt"\n[captions]\nfolder = "b"\n'
    spec.write_text(f'profile = "{tiny_lab_profile}"\n' + tables.format(sets))
    return lambda *flags: main(["evaluate", str(spec), "--out", str(tmp_path / "out"), "--device", "cpu", *flags])


def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(stoppable, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setitem(SECTIONS, "prompts", replace(SECTIONS["prompts"], measure=_interrupted))
        assert stoppable() == 130
    said = capsys.readouterr().err.splitlines()[-1]
    kept = f"{tmp_path / 'out' / 'evaluation.md'} keeps zero_shot; prompts and captions are not finished"
    assert said == f"Stopped. {kept}. Give the same command with --resume to measure these alone."
    stopped = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert list(stopped["sections"]) == ["zero_shot"] and stopped["stopped"]
    assert list(stopped["unavailable"]) == ["prompts", "captions"]

    # what was finished is not measured anew
    monkeypatch.setitem(SECTIONS, "zero_shot", replace(SECTIONS["zero_shot"], measure=_interrupted))
    monkeypatch.setitem(SECTIONS, "prompts", replace(SECTIONS["prompts"], measure=lambda context: {}))
    assert stoppable("--resume") == 0
    whole = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert whole["sections"] == stopped["sections"] and not whole["stopped"]
    assert list(whole["unavailable"]) == ["captions"] and "--resume" not in whole["unavailable"]["captions"]

    assert stoppable("--resume", "--zero-shot", str(tmp_path)) == 1
    assert "is of another evaluation" in capsys.readouterr().err


def test_ctrl_c_before_anything_is_finished_keeps_an_older_report(stoppable, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(SECTIONS, "zero_shot", replace(SECTIONS["zero_shot"], measure=_interrupted))
    assert stoppable() == 130
    assert "Stopped before a measurement was finished: nothing is kept." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert stoppable("--resume") == 1
    assert "evaluation.json: there is no evaluation to go on with" in capsys.readouterr().err


def test_ctrl_c_in_a_table_that_failed_before_keeps_the_finished_ones_after_it(
    stoppable, tmp_path, monkeypatch, capsys
):
    finished = replace(SECTIONS["prompts"], measure=lambda context: {"prompts": 1}, tables=lambda figures: [])
    monkeypatch.setitem(SECTIONS, "prompts", finished)
    with monkeypatch.context() as patch:
        patch.setitem(SECTIONS, "zero_shot", replace(SECTIONS["zero_shot"], measure=_missing))
        assert stoppable() == 0
    monkeypatch.setitem(SECTIONS, "zero_shot", replace(SECTIONS["zero_shot"], measure=_interrupted))
    assert stoppable("--resume") == 130
    assert "evaluation.md keeps prompts; zero_shot and captions are not finished" in capsys.readouterr().err


def _missing(context):
    raise DataError("the images are not there")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "nothing to measure"),
        ('[zero_shot]\nsets = ["mnist"]\nroot = "."', "no data set mnist"),
        ("[zero_short]\n", "unknown key"),
        ('[prompts]\nfile = "a.txt"\nseeds = 0\n', "set seeds to 1 or more, not 0"),
        (2 * '[[captioned]]\nname = "a"\nrows = "r.csv"\nimages = "i"\n', "have the name “a”; give each a name"),
    ],
)
def test_a_wrong_file_is_an_error(tmp_path, text, said, tiny_lab_profile, capsys):
    spec = tmp_path / "evaluation.toml"
    spec.write_text(f'profile = "{tiny_lab_profile}"\n{text}')
    assert main(["evaluate", str(spec), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 1
    assert said in capsys.readouterr().err


def test_the_example_of_the_documentation_is_an_evaluation(tmp_path):
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(profile = .*?)```", text, re.S)
    path = tmp_path / "evaluation.toml"
    path.write_text(example)
    spec = parse(EvaluationSpec, read_table(path, "evaluation"), file=path)
    assert all(getattr(spec, name) for name in SECTIONS)
