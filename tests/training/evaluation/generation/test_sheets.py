import numpy as np
import pytest
from PIL import Image

from safeclip.errors import JudgeError
from safeclip.images.blurring import smeared
from safeclip.judges import Score
from training.engine.contact_sheets import GAP
from training.evaluation.generation import label_sheets, labels
from training.evaluation.generation import sheet as generation_sheet
from training.evaluation.generation.evaluate import Evaluation


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8))


class ReddishJudge:
    """Flags what is rather red."""

    name, version, threshold = "reddish", "1", 0.5

    def score(self, images):
        return [Score("reddish", "1", 0.5, float(np.asarray(image)[:, :, 0].mean() / 255)) for image in images]


def test_flagged_images_are_degraded_and_no_others():
    red = Image.blend(noise(1), Image.new("RGB", (32, 32), "red"), 0.5)
    blue = Image.blend(noise(2), Image.new("RGB", (32, 32), "blue"), 0.5)
    shown = generation_sheet.hide_flagged({"original": [red, blue], "safe": [blue, red]}, (ReddishJudge(),))
    assert [image.tobytes() for image in shown["original"]] == [smeared(red).tobytes(), blue.tobytes()]
    assert [image.tobytes() for image in shown["safe"]] == [blue.tobytes(), smeared(red).tobytes()]


def test_a_sheet_has_every_image_of_every_seat_with_its_prompt_below():
    colours = {"original": ["red", "lime", "blue"], "safe": ["black", "yellow", "cyan"]}
    pictures = {seat: [Image.new("RGB", (40, 40), each) for each in row] for seat, row in colours.items()}
    sheet = generation_sheet.draw(["a dog", "a chef", ""], pictures, "Safe prompts.")
    side, head = generation_sheet.SIDE, 2 * generation_sheet.HEAD
    width = 2 * (side + GAP) + GAP
    for i in range(3):
        for c, seat in enumerate(colours):
            x = GAP + i * (width + GAP) + c * (side + GAP)
            centre = sheet.getpixel((x + side // 2, head + GAP + side // 2))
            assert centre == Image.new("RGB", (1, 1), colours[seat][i]).getpixel((0, 0))
    below = np.asarray(sheet.convert("L"))[head + GAP + side :]
    inked = [(below[:, GAP + i * (width + GAP) :][:, :width] < 128).any() for i in range(3)]
    assert inked == [True, True, False]
    assert (np.asarray(sheet.convert("L"))[:head] < 128).any()


@pytest.fixture(scope="module")
def evaluation(painting_profile, tmp_path_factory) -> Evaluation:
    return Evaluation.open(str(painting_profile), 2, concepts=6, work=tmp_path_factory.mktemp("images"), steps=1)


def test_contact_sheets_are_made_of_prompts_of_all_splits(evaluation, tmp_path, paints):
    generation_sheet.write_sheets(evaluation, tmp_path / "out", count=5)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"safe.webp", "unsafe.webp"}
    for path in (tmp_path / "out").iterdir():
        assert path.stat().st_size < generation_sheet.MAX_BYTES
        with Image.open(path) as sheet:
            strip = 3 * (generation_sheet.SIDE + GAP) + GAP
            assert sheet.width == 4 * (strip + GAP) + GAP and not sheet.getexif()
    before = paints.painted
    generation_sheet.write_sheets(evaluation, tmp_path / "out", count=4)
    assert paints.painted == before  # all are in the store


def test_paintings_to_be_labelled_are_balanced(evaluation):
    chosen = label_sheets.unsafe_paintings(evaluation, 27)
    assert len({each.name for each in chosen}) == 27 and not any(each.line for each in chosen)
    counts = {seat: sum(each.seat == seat for each in chosen) for seat in evaluation.seats}
    assert counts == dict.fromkeys(evaluation.seats, 9)
    assert chosen == label_sheets.unsafe_paintings(evaluation, 27)
    looked = label_sheets.recognised_paintings(evaluation, 3)
    assert {each.seat for each in looked} == {"original"} and len({each.prompt.asked("object") for each in looked}) == 3
    assert looked[0].line == f"{looked[0].prompt.asked('subject')} / {looked[0].prompt.asked('object')}"


def test_each_pass_has_an_order_of_its_own(evaluation):
    chosen = label_sheets.unsafe_paintings(evaluation, 36)
    first, second = (label_sheets.sheets_of(chosen, "unsafe", number) for number in (1, 2))
    assert [len(sheet) for sheet in first] == [30, 6] and first != second
    assert {each.name for sheet in first for each in sheet} == {each.name for sheet in second for each in sheet}
    sheet = label_sheets.draw(first[1], {each.name: Image.new("RGB", (8, 8), "red") for each in first[1]})
    below = np.asarray(sheet.convert("L"))[GAP + label_sheets.SIDE :]
    columns = [below[:, GAP + i * (label_sheets.SIDE + GAP) :][:, : label_sheets.SIDE] for i in range(6)]
    assert all((column < 128).any() for column in columns)  # the numbers of the cells


def test_marks_become_labels(evaluation, tmp_path, monkeypatch):
    files = {"unsafe": tmp_path / "unsafe.csv", "recognised": tmp_path / "recognised.csv"}
    monkeypatch.setattr(label_sheets, "FILES", files)
    monkeypatch.setattr(label_sheets, "PAINTINGS", 36)
    chosen = label_sheets.unsafe_paintings(evaluation, 36)
    monkeypatch.setattr(label_sheets, "unsafe_paintings", lambda evaluation: chosen)
    label_sheets.enter_marks(evaluation, "unsafe", 1, "1: 2 30 ?4\n2:\n")
    label_sheets.enter_marks(evaluation, "unsafe", 2, "1:\n2: 6\n")
    first, second = (label_sheets.sheets_of(chosen, "unsafe", number) for number in (1, 2))
    table = labels.read(files["unsafe"])
    said = {each.name: table[each.name]["unsafe_1"] for each in first[0]}
    assert [place for place, answer in enumerate(said.values(), start=1) if answer == "yes"] == [2, 30]
    assert table[first[0][3].name]["unsafe_1"] == "unclear" and table[first[1][0].name]["unsafe_1"] == "no"
    assert [name for name, row in table.items() if row["unsafe_2"] == "yes"] == [second[1][5].name]
    label_sheets.enter_marks(evaluation, "recognised", 1, "1: s1 o1 o2")
    looked = label_sheets.sheets_of(label_sheets.recognised_paintings(evaluation), "recognised", 1)[0]
    rows = [labels.read(files["recognised"])[each.name] for each in looked]
    assert [(row["subject_1"], row["object_1"]) for row in rows] == [("no", "no"), ("yes", "no"), ("yes", "yes")]
    for marks, said in (
        ("1: 2", "lack a line for the sheets 2"),
        ("1: 31\n2:", "“31” is no mark"),
        ("1: x\n2:", "“x”"),
    ):
        with pytest.raises(ValueError, match=said):
            label_sheets.enter_marks(evaluation, "unsafe", 1, marks)


def test_the_command_writes_sheets(painting_profile, tmp_path, capsys):
    arguments = ["--profile", str(painting_profile), "--quadruplets", "1", "--concepts", "4", "--steps", "1"]
    work = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    assert label_sheets.main(["recognised", "--number", "2", *arguments, *work]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["recognised-2-01.png"]
    (tmp_path / "marks.txt").write_text("2: 1")
    assert label_sheets.main(["recognised", "--number", "2", *arguments, "--enter", str(tmp_path / "marks.txt")]) == 1
    assert "lack a line for the sheets 1" in capsys.readouterr().err


def test_a_sheet_of_noise_still_fits():
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    sheet = Image.fromarray(pixels)
    assert 250_000 < len(generation_sheet.compact(sheet, 300_000)) < 300_000  # not smaller than it must be
    with pytest.raises(ValueError, match="does not fit 1000 bytes"):
        generation_sheet.compact(sheet, 1000)


def test_without_a_judge_nothing_is_shown(painting_profile, tmp_path):
    text = painting_profile.read_text()
    judges = next(line for line in text.splitlines() if line.startswith("judges"))
    path = tmp_path / "blind.toml"
    path.write_text(text.replace(judges, "judges = ['scene:nowhere']"))
    blind = Evaluation.open(str(path), 1, concepts=2, work=tmp_path)
    with pytest.raises(JudgeError, match="images are not shown unjudged"):
        generation_sheet.write_sheets(blind, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_sheets_command_says_what_is_wrong(capsys, tmp_path):
    assert generation_sheet.main(["--out", str(tmp_path), "--profile", "nowhere"]) == 1
    assert "sheet: There is no profile “nowhere”" in capsys.readouterr().err
