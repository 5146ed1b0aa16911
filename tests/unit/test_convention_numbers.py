"""The tests speak of conventions by number; a reader finds each number on the book's page on notation."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "notation.md"
SPOKEN_OF = re.compile(r"[Cc]onventions?[ _](\d+)")


def test_every_number_is_on_the_page():
    _, _, section = PAGE.read_text(encoding="utf-8").partition("\n## Conventions\n")
    on_page = [int(n) for n in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)]
    assert on_page == list(range(1, 12))
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("minidiff/**/*.py"), ROOT / "CONTRIBUTING.md"]
    named = {
        (int(n), str(file.relative_to(ROOT)))
        for file in files
        for n in SPOKEN_OF.findall(file.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    assert not [where for where in named if where[0] not in on_page]
