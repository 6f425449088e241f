"""What the tests of the suite share: a project of its own for every pytest that a test runs."""

import pytest


@pytest.fixture
def pytester(pytester):
    """Make a project of the folder: else the settings of whatever stands above it would count."""
    pytester.makeini("[pytest]")
    return pytester
