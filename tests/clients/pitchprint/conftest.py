"""The credential that PitchPrint's tests share."""

import pytest


@pytest.fixture(scope="session")
def domain(home):
    """The key and the secret of one domain."""
    home.consumer("shop.example")
    return home.issue("shop.example", dialect="pitchprint")
