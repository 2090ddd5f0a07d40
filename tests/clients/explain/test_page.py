"""The page shows what the command prints."""

import os
import subprocess
from pathlib import Path

from docs import pages
from harness.countersign import BINARY


def test_the_example_of_the_page_prints_what_the_page_shows(tmp_path):
    blocks = pages.blocks(pages.DOCS / "explain.md")
    [example] = [block.text for block in blocks if block.language == "sh"]
    [shown] = [block.text for block in blocks if block.name == "explained"]
    environment = {**os.environ, "PATH": f"{Path(BINARY).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", example], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip() == shown.rstrip()
