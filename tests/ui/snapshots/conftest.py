"""Pictures of text, for the tests that take them."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.ui.snapshots.text_pictures import TextPicture


@pytest.fixture
def pictures(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Pictures that are files of text."""
    return snapshot.use_extension(TextPicture)
