"""Fixtures that more than one test file uses."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real recordings that are kept outside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the recordings are not at {SHARED_DATA}")
    return SHARED_DATA
