"""The credentials that Realm's tests share."""

import pytest


@pytest.fixture(scope="session")
def realm(home):
    """A key with its secret."""
    home.consumer("realm-app")
    return home.issue("realm-app", dialect="realm")


@pytest.fixture(scope="session")
def key(home, realm):
    """An API key that signs nothing."""
    return home.issue("realm-app")
