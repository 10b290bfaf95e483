"""The installed commands, with stand-ins for the packages behind them."""

import subprocess
import sys
from types import ModuleType

import pytest

from safeclip import commands
from tests.package.distribution import ROOT

COMMANDS = {
    "safeclip-demo": (commands.demo, "safeclip_demo.cli"),
    "safeclip-index": (commands.index, "safeclip_index.cli"),
    "safeclip-train": (commands.train, "safeclip_train.cli"),
}


@pytest.fixture
def behind(monkeypatch):
    """Puts a function in the place of a command's `main`."""

    def put(command: str, main) -> None:
        package, _, _ = COMMANDS[command][1].partition(".")
        module = ModuleType(COMMANDS[command][1])
        module.main = main
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
        monkeypatch.setitem(sys.modules, COMMANDS[command][1], module)

    return put


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs_its_package_under_its_own_name(command, behind):
    behind(command, lambda program, **_: 3 if program == command else 4)
    assert COMMANDS[command][0]() == 3


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        ("safeclip-demo", "gradio", "demo"),
        ("safeclip-train", "resvg_py", "train"),
        ("safeclip-train", "datasets", "train"),
    ],
)
def test_a_missing_library_is_reported_with_the_extra_that_installs_it(command, module, extra, behind, capsys):
    def main(program: str, **_) -> int:
        raise ModuleNotFoundError(f"No module named '{module}.components'", name=f"{module}.components")

    behind(command, main)
    assert COMMANDS[command][0]() == 1
    assert capsys.readouterr().err == (f"{command}: {module} is not installed: pip install 'safeclip-lab[{extra}]'\n")


def test_any_other_missing_module_is_an_error(behind):
    def main(program: str, **_) -> int:
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

    behind("safeclip-demo", main)
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        commands.demo()


@pytest.mark.parametrize("arguments", ["app.py --check", "-m index_builder verify", "-m training --help"])
def test_a_checkout_says_what_to_do_where_nothing_is_installed(arguments):
    bare = [sys.executable, "-E", "-S", *arguments.split()]  # without site-packages
    ended = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert f"is not installed for {sys.executable}" in ended.stderr and ". .venv/bin/activate" in ended.stderr
