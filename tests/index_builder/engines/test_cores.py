"""The setting of the C library that keeps freed memory is taken where it exists, and left alone elsewhere."""

import platform

import pytest

from index_builder.engines.cores import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_glibc_keeps_freed_memory():
    assert keep_freed_memory()


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
