import pytest

from tests.mutants.mutant import Copy


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """The project as it is, in a folder of its own."""
    return Copy(tmp_path_factory.mktemp("project"))
