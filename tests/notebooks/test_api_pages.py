"""The library's pages: whatever a reader can call by name stands on one of them."""

import re
from pathlib import Path

import house

PAGES = Path(__file__).parents[2] / "book" / "api"


def test_every_public_thing_is_on_a_page():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES.glob("*.md"))
    modules = set(re.findall(r"automodule:: (\S+)\n(?!   :no-members:)", text))
    alone = set(re.findall(r"auto(?:function|class):: (\S+)", text))
    packages = set(re.findall(r"automodule:: (\S+)\n   :imported-members:", text))
    missing = [
        name
        for name in house.public_names()
        if "." in name
        and name not in alone
        and name.rpartition(".")[0] not in modules
        and not any(name.startswith(f"{package}.") for package in packages)
    ]
    assert missing == []


def test_every_page_is_in_the_book():
    toc = (PAGES.parents[1] / "_toc.yml").read_text(encoding="utf-8")
    for page in PAGES.glob("*.md"):
        assert f"book/api/{page.stem}\n" in toc
