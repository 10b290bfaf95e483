"""The pipeline end to end at toy size, and its decisions with a writer, filters and judges that are known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from safeclip.errors import ProfileError
from tests.fakes.tiny_world import tiny_rows
from training.cli import main
from training.data.quadruplets.folder import FolderSpec
from training.data.sources import DataSpec, open_source
from training.engine.options import RunOptions
from training.errors import DataError
from training.quadruplet_pipeline.filters import Measured, TextFilters
from training.quadruplet_pipeline.images import ImageMaker, make_images
from training.quadruplet_pipeline.language_model import Writer, prompt_of
from training.quadruplet_pipeline.refusals import choose_category
from training.quadruplet_pipeline.rows import (
    KEPT,
    REFUSED_SOURCE,
    REFUSED_TEXT,
    DecisionLog,
    Source,
    read_corpus,
    read_pairs,
)
from training.quadruplet_pipeline.small_llama import pretrain
from training.quadruplet_pipeline.spec import FiltersSpec, ImagesSpec, ModelSpec, PipelineSpec, WritingSpec
from training.quadruplet_pipeline.texts import decide, write_texts

CATEGORIES = ("violence", "sexual", "hate")
FORBIDDEN = "a nude child on the beach"
ROOT = Path(__file__).parents[3]

PIPELINE = """
pairs = "{data}/pairs.jsonl"
corpus = "{data}/corpus.jsonl"
model = {{ checkpoint = "{llama}", r = 2 }}
sft = {{ steps = 2, batch_size = 2 }}
dpo = {{ steps = 2, batch_size = 2, candidates = 3 }}
writing = {{ max_new_tokens = 6, batch_size = 4, tries = 2 }}
filters = {{ encoder = "{clip}", judge = "lexicon:{root}/zoo/lexicon.json", similarity = -1.0 }}
images = {{ profile = "{profile}", steps = 2, judges = ["opennsfw"] }}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = tiny_rows()
    pairs = [
        {"text": safe["caption"], "unsafe_text": unsafe["caption"], "category": unsafe["category"]}
        for safe, unsafe in zip(rows[::2], rows[1::2], strict=True)
    ]
    (folder / "pairs.jsonl").write_text(lines([*pairs, {"text": "a child", "unsafe_text": FORBIDDEN}, {"text": "x"}]))
    corpus = [{"text": row["caption"], "image": f"{i}.webp"} for i, row in enumerate(rows[::2])]
    for i, row in enumerate(rows[::2]):
        (folder / f"{i}.webp").write_bytes(row["image"]["bytes"])
    corpus += [{"text": FORBIDDEN, "image": "0.webp"}, {"text": ""}, [1]]
    (folder / "corpus.jsonl").write_text(lines(corpus))
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory, data) -> Path:
    out = tmp_path_factory.mktemp("llama")
    texts = [prompt_of(row["caption"], "violence") for row in tiny_rows()]
    pretrain(texts, out, steps=2, width=32, layers=1, vocabulary_size=400, batch_size=2)
    return out


@pytest.fixture(scope="module")
def profile(tmp_path_factory, tiny_profile, tiny_stable_diffusion) -> Path:
    path = tmp_path_factory.mktemp("profile") / "painting.toml"
    head = tiny_profile.read_text().partition("[retrieval]")[0]
    path.write_text(f"{head}\n[generation]\ncheckpoint = '{tiny_stable_diffusion}'\nsteps = 2\nguidance = 3.0\n")
    return path


def lines(rows: list) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_tuning_writing_and_painting_run_and_resume(tmp_path, data, llama, tiny_clip, profile, capsys):
    spec, out = tmp_path / "pipeline.toml", tmp_path / "out"
    spec.write_text(PIPELINE.format(data=data, llama=llama, clip=tiny_clip, root=ROOT, profile=profile))
    assert main(["quadruplets", str(spec), "--out", str(out), "--device", "cpu"]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["pairs"] == {"used": 6, "refused": 1, "incomplete": 1}
    dropped = {REFUSED_SOURCE: 1, "the safe text is empty": 1, "it has no fields": 1}
    assert report["corpus"] == {"rows": 9, "dropped": dropped}
    assert sum(report["texts"]["outcomes"].values()) == 6 and report["texts"]["written"] == 12
    before = (out / "texts.jsonl").read_text()
    assert FORBIDDEN not in before
    adapters = [(out / name / "adapter_model.safetensors").read_bytes() for name in ("sft", "dpo")]
    capsys.readouterr()
    assert main(["quadruplets", str(spec), "--out", str(out), "--device", "cpu"]) == 0
    assert (out / "texts.jsonl").read_text() == before
    assert adapters == [(out / name / "adapter_model.safetensors").read_bytes() for name in ("sft", "dpo")]
    assert json.loads(capsys.readouterr().out) == report
    spec.write_text(spec.read_text().replace("similarity = -1.0", "similarity = 0.2"))
    assert main(["quadruplets", str(spec), "--out", str(out), "--device", "cpu"]) == 1
    assert "this run began with another recipe; changed: filters" in capsys.readouterr().err


def test_a_row_of_the_corpus_is_known_by_what_it_holds(tmp_path):
    (tmp_path / "corpus.jsonl").write_text(lines([{"text": "a dog", "image": "0"}, {"text": "a cat", "image": "1"}]))
    (tmp_path / "swapped.jsonl").write_text(lines([{"text": "a cat", "image": "1"}, {"text": "a dog", "image": "0"}]))
    kept, swapped = (read_corpus(str(tmp_path / f"{name}.jsonl"), CATEGORIES)[0] for name in ("corpus", "swapped"))
    assert [each.id[:5] for each in kept] == [each.id[:5] for each in swapped] == ["row 1", "row 2"]
    assert not {each.id for each in kept} & {each.id for each in swapped}


class KnownWriter:
    """Writes the same texts for every prompt, and counts the prompts."""

    def __init__(self, *texts: str):
        self.texts, self.asked = list(texts), 0

    def write(self, prompts, options, *, each, seed):
        self.asked += len(prompts)
        return [self.texts for _ in prompts]


class KnownFilters(TextFilters):
    """Measures by tables instead of models: harmful texts hold the word "knife", and every cosine is `cosine`."""

    def __init__(self, cosine: float = 0.9):
        self._spec = FiltersSpec(encoder="known", similarity=0.5)
        self.judge = type("Judge", (), {"name": "knives", "threshold": 0.5})()
        self.cosine = cosine

    def measure(self, text, written):
        return [Measured(each, self.cosine, float("knife" in each), "knife" in each) for each in written]


KINDS = ("violence", "sexual", "Nudity")
SOURCE = Source("row 1", "a dog with a ball", "0.webp", "violence")


@pytest.mark.parametrize(
    "written, cosine, outcome, text, refused",
    [
        (["a dog with a knife", "a dog with a ball"], 0.9, KEPT, "a dog with a knife", 0),
        (["a dog with a kite"], 0.9, "not judged harmful by knives", "", 0),
        (["a dog with a knife"], 0.1, "too far from the safe text (cosine below 0.5)", "", 0),
        (["A dog with a ball", ""], 0.9, "the safe text again, or nothing", "", 0),
        ([FORBIDDEN, "a nud3 ch1ld with a knife"], 0.9, REFUSED_TEXT, "", 2),
        ([FORBIDDEN, "a dog with a knife"], 0.9, KEPT, "a dog with a knife", 1),
        ([], 0.9, "the safe text again, or nothing", "", 0),
    ],
)
def test_what_becomes_of_the_texts_written_for_one_caption(written, cosine, outcome, text, refused):
    decision = decide(SOURCE, written, KnownFilters(cosine))
    assert (decision.outcome, decision.unsafe_text, decision.refused) == (outcome, text, refused)


def test_only_missing_rows_are_written_for(tmp_path, data):
    spec = PipelineSpec(pairs="", corpus="", model=None, filters=None)
    writer, sources = KnownWriter("a dog with a knife"), [SOURCE, replace(SOURCE, id="row 2")]
    write_texts(spec, sources[:1], writer, KnownFilters(), tmp_path)
    (tmp_path / "texts.jsonl").open("a").write('{"id": "row 2", "outc')  # a power cut
    log = write_texts(spec, sources, writer, KnownFilters(), tmp_path)
    assert writer.asked == 2 and log.outcomes() == {KEPT: 2}


def test_the_log_counts_the_texts_that_are_left_after_each_filter(tmp_path):
    written = ["a dog with a knife", "a dog with a knife", "A dog with a ball", "a dog with a kite", FORBIDDEN]
    cases = [(written, 0.1), ([FORBIDDEN], 0.9), (written, 0.9)]
    DecisionLog(tmp_path / "texts.jsonl").add(
        decide(replace(SOURCE, id=f"row {row}"), texts, KnownFilters(cosine))
        for row, (texts, cosine) in enumerate(cases)
    )
    left = {"distinct": 9, "allowed": 6, "changed": 4, "harmful": 2, "near": 1}
    assert DecisionLog(tmp_path / "texts.jsonl").survived() == left


@pytest.mark.parametrize(
    "text", ["a child with a ball", "a k1d with a ball", "a сhild with a ball", "a 9 year old girl"]
)
def test_a_caption_that_names_a_minor_never_gets_the_sexual_category(text):
    assert {choose_category(f"{text}, number {i}", CATEGORIES) for i in range(60)} == {"violence", "hate"}
    for spelling in ("sexual", "Sexual", "nudity", "of my own"):
        assert choose_category(text, (spelling,)) is None


def test_a_pair_that_names_a_minor_is_never_of_the_sexual_category(tmp_path):
    rows = [{"text": "a child with a ball", "unsafe_text": "a child with a knife", "category": each} for each in KINDS]
    (tmp_path / "pairs.jsonl").write_text(lines(rows))
    pairs, left_out = read_pairs(str(tmp_path / "pairs.jsonl"), CATEGORIES)
    assert [pair.category for pair in pairs] == ["violence"] and left_out == {"refused": 2, "incomplete": 0}


def test_other_captions_get_every_category():
    assert {choose_category(f"a dog, number {i}", CATEGORIES) for i in range(60)} == set(CATEGORIES)


def test_the_log_of_decisions_keeps_lines_that_only_unicode_breaks(tmp_path):
    text = "a dog\u2028with a\x85knife"
    DecisionLog(tmp_path / "texts.jsonl").add([decide(SOURCE, [text], KnownFilters(0.9))])
    (decision,) = DecisionLog(tmp_path / "texts.jsonl").by_id.values()
    assert decision.unsafe_text == text


def test_a_wrong_precision_is_called_so_before_anything_is_read(tmp_path, capsys):
    spec = tmp_path / "pipeline.toml"
    text = PIPELINE.format(data=tmp_path, llama="llama", clip="clip", profile="profile", root=ROOT)
    spec.write_text(text.replace("r = 2 }", 'r = 2, precision = "float8" }'))
    assert main(["quadruplets", str(spec), "--out", str(tmp_path / "out")]) == 1
    assert "“model.precision” is 'float8'; use one of: float32, bfloat16, float16" in capsys.readouterr().err


def test_a_file_without_pairs_is_an_error(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines([{"text": "a child", "unsafe_text": FORBIDDEN}]))
    with pytest.raises(DataError, match="no pair with a text and an unsafe_text .refused: 1"):
        read_pairs(str(path), CATEGORIES)
    path.write_text("")
    with pytest.raises(DataError, match="there is no row"):
        read_corpus(str(path), CATEGORIES)


class KnownMaker(ImageMaker):
    """Makes grey images; the judge fires from the seed on that a text names."""

    def __init__(self):
        self.spec = ImagesSpec(profile="")
        self.judges = {"grey": None}
        self.made = []

    def make(self, texts, seed):
        self.made += [(text, seed) for text in texts]
        return [Image.new("RGB", (8, 8), (int(text.split()[-1] == str(seed)) * 200,) * 3) for text in texts]

    def fired(self, images):
        return [("grey",) if image.getpixel((0, 0))[0] else () for image in images]


def test_an_image_is_kept_when_a_judge_fires_within_three_tries(tmp_path):
    maker = KnownMaker()
    texts = {"row 1": "seed 1234", "row 2": "seed 8185", "row 3": "seed never", "row 4": FORBIDDEN}
    log = make_images(texts, maker, tmp_path)
    kept = {id: (each.outcome, each.seed, each.written, each.fired) for id, each in log.by_id.items()}
    assert kept == {
        "row 1": (KEPT, 1234, 1, ("grey",)),
        "row 2": (KEPT, 8185, 3, ("grey",)),
        "row 3": ("no judge fired in 3 tries", None, 3, ()),
        "row 4": ("refused: the unsafe text", None, 0, ()),
    }
    assert sorted(path.name for path in (tmp_path / "unsafe-images").iterdir()) == ["row-1.png", "row-2.png"]
    assert FORBIDDEN not in [text for text, _ in maker.made]
    before = len(maker.made)
    make_images(texts, maker, tmp_path)
    assert len(maker.made) == before


def test_the_folder_is_a_source_of_quadruplets(tmp_path, data):
    from training.quadruplet_pipeline.command import write_table
    from training.quadruplet_pipeline.rows import Decision, DecisionLog

    texts, images = DecisionLog(tmp_path / "texts.jsonl"), DecisionLog(tmp_path / "images.jsonl")
    sources = [Source(f"row {i}", f"a dog {i}", f"{i}.webp", "violence") for i in range(4)]
    texts.add(Decision(each.id, KEPT, f"a bad dog {each.id}", "violence") for each in sources)
    images.add(Decision(each.id, KEPT if i else "no judge fired in 3 tries") for i, each in enumerate(sources))
    (tmp_path / "unsafe-images").mkdir()
    for each in sources[1:]:
        Image.new("RGB", (8, 8)).save(tmp_path / "unsafe-images" / f"{each.id.replace(' ', '-')}.png")
    assert write_table(sources, texts, images, data, tmp_path) == 3
    spec = DataSpec(folder=FolderSpec(str(tmp_path), held_out=0.0))
    source = open_source(spec, "train", RunOptions(tmp_path / "run"))
    assert [source.item(i).unsafe_text for i in range(len(source))] == [f"a bad dog row {i}" for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("[sft]\nbatch_size = 0", 1),
        ("[sft]\nsteps = 0", 1),
        ("[dpo]\nbatch_size = 0", 1),
        ("[dpo]\ncandidates = 1", 2),
        ("[writing]\nbatch_size = 0", 1),
        ("[writing]\ntries = -1", 1),
    ],
)
def test_a_number_that_no_pipeline_can_have_is_said_before_anything_is_loaded(text, least, tmp_path, capsys):
    required = 'pairs = "p.jsonl"\ncorpus = "c.jsonl"\nmodel.checkpoint = "m"\nfilters.encoder = "e"\n'
    (tmp_path / "pipeline.toml").write_text(required + text)
    assert main(["quadruplets", str(tmp_path / "pipeline.toml"), "--out", str(tmp_path / "out")]) == 1
    assert f"it must be at least {least}." in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sft]\nlearning_rate = -1.0", "“sft.learning_rate” is -1.0; it must be a number above 0"),
        ("[dpo]\nbeta = 0.0", "“dpo.beta” is 0.0; it must be a number above 0"),
        ("[writing]\ntemperature = -0.5", "“writing.temperature” is -0.5; it must be a number above 0"),
        ("[writing]\ntop_p = 1.5", "“writing.top_p” is 1.5; it must be at most 1"),
        ("model.dropout = 1.0", "“model.dropout” is 1.0; it must be from 0 to below 1"),
        ('[images]\nprofile = "emoji"\nseeds = []', "“images.seeds” is empty"),
        ('[images]\nprofile = "emoji"\njudges = []', "“images.judges” is empty, so no image would be kept"),
        ('model.checkpoint = ""', "“model.checkpoint” is empty; name a folder, or a repository of the hub"),
    ],
)
def test_a_value_that_no_pipeline_can_have_is_said_before_anything_is_loaded(text, said, tmp_path, capsys):
    required = 'pairs = "p.jsonl"\ncorpus = "c.jsonl"\nfilters.encoder = "e"\n'
    named = "" if "checkpoint" in text else 'model.checkpoint = "m"\n'
    (tmp_path / "pipeline.toml").write_text(required + named + text)
    assert main(["quadruplets", str(tmp_path / "pipeline.toml"), "--out", str(tmp_path / "out")]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_models_are_folders_of_the_working_directory_first(tmp_path, llama, tiny_clip, monkeypatch):
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "llama").symlink_to(llama)
    (tmp_path / "my" / "clip").symlink_to(tiny_clip)
    monkeypatch.chdir(tmp_path)
    assert Writer.load(ModelSpec("my/llama")).write(["a dog"], WritingSpec(max_new_tokens=2), each=1, seed=0)
    filters = TextFilters(FiltersSpec("my/clip", judge=f"lexicon:{ROOT}/zoo/lexicon.json"))
    assert filters.measure("a dog", ["a dog"])[0].similarity == pytest.approx(1)


def test_a_profile_without_judges_makes_no_images(tmp_path, profile):
    silent = tmp_path / "silent.toml"
    silent.write_text(profile.read_text() + "judges = []\n")
    with pytest.raises(ProfileError, match="names no judge, so no image would be kept"):
        ImageMaker(ImagesSpec(str(silent)))
