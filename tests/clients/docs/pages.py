"""The fenced blocks of a page, as a script that does what its reader would do, from top to bottom."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)

# What a reader does by hand: `serve` runs in another terminal, and what `key issue` printed is copied.
_READER = r"""
set -euo pipefail
countersign() {
  case "$1 ${2-}" in
    serve*)
      command countersign "$@" > server.log 2>&1 &
      trap "kill $!; wait $! || true" EXIT
      until curl --silent --fail --output /dev/null "http://$ADMIN/readyz"; do
        kill -0 $! || { cat server.log >&2; return 1; }
        sleep 0.05
      done ;;
    "key issue") command countersign "$@" | tee issued ;;
    *) command countersign "$@" ;;
  esac
}
"""
_COPIED = {
    "csk_…": """"$(sed -n 's/^api key *//p' issued)\"""",
    "csp_…": """"$(sed -n 's/^api key *//p' issued)\"""",
    "css_…": """"$(sed -n 's/^secret *//p' issued)\"""",
    "key_…": """"$(sed -n 's/^key id *//p' issued)\"""",
    "0x…": '"$WALLET_KEY"',
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind it, and its text."""

    language: str
    name: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def script(page: Path, folder: Path, node_folder: Path, replaced: dict[str, str]) -> str:
    """A bash script of everything in the page that can be run; files go to the folders. `replaced` are addresses that
    are others here. A TOML block with a name is a file; `console` and other languages are for eyes."""
    steps = [_READER]
    for number, block in enumerate(blocks(page)):
        text = block.text
        for old, new in replaced.items():
            text = text.replace(old, new)
        match block.language:
            case "toml" if block.name:
                (folder / block.name).write_text(text)
            case "sh":
                for copied, value in _COPIED.items():
                    text = text.replace(copied, value)
                steps.append(text)
            case "python":
                (folder / f"block-{number}.py").write_text(text)
                steps.append(f"python3 block-{number}.py\n")
            case "js":
                file = node_folder / f"block-{number}.mjs"
                file.write_text(text)
                steps.append(f"node {shlex.quote(str(file))}\n")
    return "".join(steps)


def requests(page: Path) -> int:
    """How many requests the page's blocks send to an API behind the gateway, at least."""
    count = 0
    for block in blocks(page):
        if block.language in ("python", "js"):
            count += "127.0.0.1:8080" in block.text
        elif block.language == "sh":
            count += len(re.findall(r"^curl --fail-with-body", block.text, re.M))
    return count
