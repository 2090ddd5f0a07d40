"""What the gateway's tests share."""

import pytest


@pytest.fixture(scope="session")
def key(home):
    """An API key."""
    home.consumer("gateway-app")
    return home.issue("gateway-app", scopes=["thing:read"])
