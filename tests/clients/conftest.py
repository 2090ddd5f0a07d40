"""What every test is given: an upstream, a gateway with all three systems, and servers of one's own."""

import json
import os
from pathlib import Path

import pytest

from harness.countersign import Home, Server
from harness.upstream import Echo

# The configuration of the shared gateway: the routes that the three systems' documents give as examples, and some
# that ask for more.
STANDARD = (Path(__file__).parent / "standard.toml").read_text()


@pytest.fixture(scope="session")
def upstream():
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture(scope="session")
def gateway(upstream):
    """A running server with the standard configuration; nobody stops or reconfigures it."""
    home = Home(STANDARD, upstream.port)
    server = Server(home)
    yield server
    assert server.stop() == 0
    home.clean()


@pytest.fixture(scope="session")
def home(gateway):
    """The folder of the shared gateway, for commands beside it."""
    return gateway.home


@pytest.fixture
def make_home(upstream):
    """Makes homes without a server: `make_home(configuration)`."""
    homes = []

    def make(configuration):
        homes.append(Home(configuration, upstream.port))
        return homes[-1]

    yield make
    for home in homes:
        home.clean()


@pytest.fixture
def start(make_home):
    """Starts servers of a test's own: `start(configuration)` gives a server, `start(home)` starts one there again."""
    servers = []

    def begin(what, **environment):
        server = Server(what if isinstance(what, Home) else make_home(what), **environment)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.stop()


class Tally:
    """How many tests passed and failed; one that was skipped was not passed."""

    def __init__(self):
        self.passed, self.failed = set(), set()

    def pytest_runtest_logreport(self, report):
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self, session):
        if path := os.environ.get("COUNTERSIGN_TALLY"):
            passed = len(self.passed - self.failed)
            Path(path).write_text(json.dumps({"passed": passed, "failed": len(self.failed)}))
        if self.failed and session.exitstatus == 0:
            session.exitstatus = 1


def pytest_configure(config):
    config.pluginmanager.register(Tally())
