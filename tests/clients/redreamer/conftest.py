"""What RE:DREAMER's tests share."""

import pytest

from redreamer import wallets


@pytest.fixture
def wallet():
    """A wallet that has never logged in."""
    return wallets.EthAccount()


@pytest.fixture(scope="session")
def app(home):
    """The key of an app, for the calls that need one."""
    home.consumer("redreamer-app")
    return home.issue("redreamer-app", scopes=["campaign:read"])
