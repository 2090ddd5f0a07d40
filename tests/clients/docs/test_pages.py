"""Every block of the pages runs as it is written."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from docs import pages
from harness import clients, secrets
from harness.countersign import BINARY
from harness.ports import free_port
from redreamer.wallets import Account

PAGES = sorted(pages.DOCS.rglob("*.md"))
RUN = [page for page in PAGES if any(block.language in ("sh", "python", "js") for block in pages.blocks(page))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_as_written(upstream, page, tmp_path):
    public, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    key = "0x" + Account.create().key.hex().removeprefix("0x")
    environment = {
        **os.environ,
        "PATH": f"{Path(BINARY).parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COUNTERSIGN__LISTEN__PUBLIC": public,
        "COUNTERSIGN__LISTEN__ADMIN": admin,
        "ADMIN": admin,
        "WALLET_KEY": key,
    }
    replaced = {
        "127.0.0.1:8080": public,
        "127.0.0.1:8081": admin,
        "127.0.0.1:9000": f"127.0.0.1:{upstream.port}",
    }
    # Pages are read in a checkout, whose files they name.
    (tmp_path / "dialects").symlink_to(pages.DOCS.parent / "dialects")
    before = upstream.count
    with tempfile.TemporaryDirectory(dir=clients.NODE_HOME) as node_folder:
        script = pages.script(page, tmp_path, Path(node_folder), replaced)
        done = subprocess.run(
            ["bash", "-x", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert upstream.count - before >= pages.requests(page)
    assert "warning:" not in done.stdout, "`check` warns of the page's configuration"
    secrets.remember(key, *re.findall(r"\bcs[ks]_\w+|\beyJ[\w.-]+", done.stdout))
    log = tmp_path / "server.log"
    assert not log.exists() or secrets.found_in(log.read_text()) == []


def test_the_pages_name_no_file_that_is_not_there():
    for page in [*PAGES, *pages.DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_problem_codes_of_the_pages_are_those_of_the_program():
    source = (pages.DOCS.parent / "crates/edge/src/answer.rs").read_text()
    known = set(re.findall(r'"([A-Z]{2,}(?:_[A-Z]+)*)"', source))
    for page in PAGES:
        named = set(re.findall(r"`([A-Z]+_[A-Z_]+[A-Z])`", page.read_text())) - {"API_KEY", "API_SECRET", "PRIVATE_KEY"}
        for code in (code for code in named if not code.startswith("COUNTERSIGN")):
            assert code in known, f"{page.name} names {code}"


def test_every_reason_that_the_log_can_name_is_explained():
    source = (pages.DOCS.parent / "crates/verify/src/failure.rs").read_text()
    reasons = set(re.findall(r'=> "([a-z_]+)",', source))
    assert len(reasons) > 10
    explained = set(re.findall(r"`([a-z_]+)`", (pages.DOCS / "operating.md").read_text()))
    assert reasons <= explained, reasons - explained


def test_the_metrics_of_the_page_are_those_of_a_running_server(gateway):
    gateway.send("GET", "/open/thing")
    shown = set(re.findall(r"^# TYPE (\w+)", gateway.admin("/metrics").body.decode(), re.M))
    told = set(re.findall(r"^\| `(countersign_\w+)` \|", (pages.DOCS / "operating.md").read_text(), re.M))
    assert shown and shown <= told, shown - told


def test_the_scanner_of_the_page_finds_the_keys_that_are_issued_and_nothing_else(home):
    home.consumer("leaky")
    issued = [home.issue("leaky"), home.issue("leaky", dialect="realm"), home.issue("leaky", dialect="pitchprint")]
    keys = [key for one in issued for key in (one.api_key, one.secret) if key]
    source = next(block.text for block in pages.blocks(pages.DOCS / "security.md") if block.language == "python")
    lookalike = keys[0][:-1] + ("0" if keys[0][-1] != "0" else "1")
    text = " and ".join([*keys, lookalike, "csk_short"])
    found = subprocess.run([sys.executable, "-c", source], input=text, capture_output=True, text=True, check=True)
    assert found.stdout.split() == keys
