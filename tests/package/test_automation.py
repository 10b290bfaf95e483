"""Files that other programs read: the workflow, the hooks of pre-commit, the citation, the Makefile."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.package.distribution import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"


def run(*command: str | Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_workflow_fits_githubs_schema():
    run("-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", WORKFLOW)


def test_the_hooks_fit_the_schema_of_pre_commit():
    run("-m", "pre_commit", "validate-config", ".pre-commit-config.yaml")


def test_the_hooks_check_what_the_makefile_checks():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for hook in hooks:
        words = [word for word in shlex.split(hook["entry"]) if word != "--force-exclude"]
        assert f"$(BIN)/{shlex.join(words)}" in makefile


def steps() -> list[str]:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    return sorted({step["run"] for job in jobs for step in job["steps"] if "run" in step})


@pytest.mark.parametrize("command", steps())
def test_a_step_of_the_workflow_runs_what_is_there(command):
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
    for word in words:
        if re.match(r"(tests|\.ci)/|constraints\.txt", word):
            assert (ROOT / word).exists()


def test_the_workflow_runs_the_oldest_python_that_is_promised():
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    (oldest,) = re.findall(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert jobs["linux"]["strategy"]["matrix"]["python"][0] == oldest


def test_an_environment_that_could_not_be_finished_is_made_again(tmp_path):
    python = tmp_path / "python"  # of a Debian without python3-venv: it leaves the link and fails
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p "$3/bin"\ntouch "$3/bin/python"\nexit 1\n')
    python.chmod(0o755)
    command = ["make", "demo", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", "PIP=true"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 2
    assert not (tmp_path / "venv" / "bin" / "python").exists()


def test_a_python_that_is_too_old_is_named(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9); $2"\n')
    python.chmod(0o755)
    command = ["make", "demo", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    assert "Python 3.11 or newer is needed" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stderr


@pytest.mark.full  # the documentation's ten lines ask the same in the quick tier
def test_every_task_answers_where_there_is_no_make():
    said = run(".ci/one_answer_each.py")
    assert [line.partition(":")[0] for line in said.splitlines()[::2]] == ["original", "safe", "ours"]


def test_the_citation_has_what_its_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert all(author["family-names"] and author["given-names"] for author in citation["preferred-citation"]["authors"])
