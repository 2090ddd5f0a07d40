"""A deployment of each kind, shared by the tests of this folder, and the credentials that they use."""

import pytest

from deploy import table
from harness.deployment import COMMANDS, Deployment


class Holders:
    """The credentials of one deployment."""

    def __init__(self, home):
        home.consumer("acme")
        self.key = home.issue("acme", scopes=["thing:read"])
        self.realm = home.issue("acme", dialect="realm")
        self.pitchprint = home.issue("acme", dialect="pitchprint")


@pytest.fixture(scope="session", params=COMMANDS)
def deployment(request, upstream):
    running = Deployment(request.param, upstream)
    running.holders = Holders(running.home)
    yield running
    running.stop()


@pytest.fixture(scope="session", params=COMMANDS)
def judged(request, upstream):
    """A deployment with the routes of the table of verdicts, and everybody in it."""
    name, holders = request.param, table.Holders()

    def change(file, text):
        return table.configuration(name, text) if file == "countersign.toml" else text

    running = Deployment(name, upstream, change, holders.prepare)
    holders.log_in(running)
    running.holders = holders
    yield running
    running.stop()

