"""What holds for all tests: the network is off, a file stays on one worker, and the tiny world is at hand."""

import gc
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import pytest
from hypothesis import settings

from tests.results import pytest_addoption as pytest_addoption
from tests.results import pytest_terminal_summary as pytest_terminal_summary

settings.register_profile("patient", deadline=None)  # machines that run tests are busy machines
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Loads the fixtures, and torch with them, where tests run: not in the process that starts those of pytest-xdist.

    What is imported for the tests, some 900,000 objects, is kept out of the searches for garbage.
    """
    gc.disable()
    runs_tests = hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"
    if runs_tests:
        config.pluginmanager.import_plugin("tests.fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps a file on one worker of pytest-xdist, and all browser tests on one, so that few fixtures are made twice."""
    for item in items:
        group = "browser" if item.get_closest_marker("browser") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Searches for garbage from here on, in what tests make."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
