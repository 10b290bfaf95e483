import math
from dataclasses import dataclass

import pytest

from index_builder.errors import BuildError
from index_builder.flags import option, read_options
from index_builder.options import BuildOptions
from safeclip.errors import ProfileError


@dataclass(frozen=True)
class Options:
    """One option of every kind."""

    place: str | None = option(None, "where", "DIR", positional=True)
    seats: tuple[str, ...] = option((), "which", "SEAT")
    batch_size: int = option(64, "how many", "N")
    near: float = option(0.99, "how near")
    fresh: bool = option(False, "start again")


def read(*argv) -> Options:
    return read_options(Options, [str(word) for word in argv], program="toy", summary="A toy.")


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    config = tmp_path / "options.toml"
    config.write_text('batch_size = 8\nseats = ["safe", "ours"]\nnear = 2\nfresh = true\n')
    assert read() == Options()
    assert read("--config", config) == Options(None, ("safe", "ours"), 8, 2.0, True)
    assert read("here", "--config", config, "--batch-size", 9, "--seats", "safe") == Options(
        "here", ("safe",), 9, 2.0, True
    )


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("batch = 8", ProfileError, "unknown key “batch”. Did you mean “batch_size”?"),
        ("batch_size = true", ProfileError, "must be a whole number"),
        ("batch_size =", BuildError, "not a valid TOML file"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, error, message):
    config = tmp_path / "options.toml"
    config.write_text(text)
    with pytest.raises(error, match=message):
        read("--config", config)
    with pytest.raises(BuildError, match="cannot be read"):
        read("--config", tmp_path / "absent.toml")


def test_a_number_beyond_its_bounds_is_refused():
    bounds = (("batch_size", 0, "at least 1"), ("shard_rows", 65_537, "from 1 to 65536"), ("workers", -1, "at least 0"))
    for name, value, message in bounds:
        with pytest.raises(BuildError, match=f"--{name.replace('_', '-')} must be {message}, not {value}"):
            BuildOptions(**{name: value})


@pytest.mark.parametrize("value", [math.inf, 1e300, math.nan])
def test_memory_is_a_number_of_gigabytes(value):
    with pytest.raises(BuildError, match="--memory-gb must be from 0 to 1000000, not"):
        BuildOptions(memory_gb=value)


def test_help_gives_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit):
        read("--help")
    shown = capsys.readouterr().out
    assert "--batch-size N" in shown and "(default: 64)" in shown and "DIR" in shown and "--config FILE" in shown
