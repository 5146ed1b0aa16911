"""Play the page "Your own pictures" in a folder, and keep the picture that it shows.

    python tools/own_pictures.py    some minutes; writes book/_static/own_pictures.png

The lines of the page itself are run: those in Python, and the commands of its shell. The test of the
page does the same with fewer steps.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book" / "own_pictures.md"
PICTURE = ROOT / "book" / "_static" / "own_pictures.png"
SAMPLE = "python -m minidiff sample runs/shapes --n 36"


def blocks(language: str) -> list[str]:
    """The page's code in one language, block by block."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    """The commands of the page's shell, in order, for this Python."""
    for block in blocks("sh"):
        for line in block.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "python", line
            yield [sys.executable, *arguments]


def main() -> None:
    """Make the files, train, draw, and keep what was drawn."""
    with TemporaryDirectory() as place:
        files = blocks("python")[0]
        subprocess.run([sys.executable, "-c", files], cwd=place, check=True)
        for command in commands():
            if "--extend" in command:  # the picture is that of the first training
                continue
            subprocess.run(command, cwd=place, check=True)
            if command[1:] == shlex.split(SAMPLE)[1:]:
                PICTURE.write_bytes((Path(place) / "samples.png").read_bytes())
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
