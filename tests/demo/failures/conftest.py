"""A lab whose page has a Failures tab."""

import pytest

from tests.fakes.failing import with_failures


@pytest.fixture(scope="session")
def failing_lab(tiny_lab, tmp_path_factory):
    return with_failures(tiny_lab, tmp_path_factory.mktemp("failing"))
