"""Write where each labelled equation and exercise stands in the book, for the checker's feedback.

python tools/places.py          # is the list as it should be?
python tools/places.py --write  # write it anew: minidiff/check/places.json
"""

import argparse
import json
import re
import sys
from pathlib import Path

import concepts

FILE = Path(__file__).resolve().parents[1] / "minidiff" / "check" / "places.json"
HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)


def places() -> dict[str, str]:
    """For each label where it stands, in words and as an address within the book."""
    found = {}
    for page, written in concepts.texts().items():
        # Feedback is plain text: a heading with a formula would show its source.
        headings = [(m.start(), m[1].strip()) for m in HEADING.finditer(written) if "$" not in m[1]]
        for pattern, prefix in ((concepts.EQUATION, "equation-"), (concepts.EXERCISE, "")):
            for m in pattern.finditer(written):
                label = next(group for group in m.groups() if group)
                above = [heading for start, heading in headings if start < m.start()][-1]
                address = f"{page}.html#{prefix}{label}"
                found[label] = f"{concepts.chapter(page)}, “{above}” ({address})"
    return dict(sorted(found.items()))


def text() -> str:
    """The file's text."""
    return json.dumps(places(), ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the list anew")
    if parser.parse_args().write:
        FILE.write_text(text(), encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text():
        print("minidiff/check/places.json is behind the book; run: make pages")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
