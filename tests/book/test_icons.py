"""The icons of the theme: the few that the book shows are kept and drawn, the others left out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import icons  # noqa: E402  (an extension of the book, not an installed module)

BUNDLE = (
    'var i={bars:[448,512,["navicon"],"f0c9","M0 96"],"arrow-up":[384,512,[8593],"f062","M1 2"],'
    'moon:[384,512,[127769],"f186",["M3 4","M5 6"]]};done()'
)


def test_only_named_icons_stay() -> None:
    """By their own name or an alias; the rest of the script is untouched."""
    kept = icons.without_unused(BUNDLE, {"navicon", "moon"})
    assert kept == BUNDLE.replace('"arrow-up":[384,512,[8593],"f062","M1 2"],', "")


def test_names_are_found_in_pages_and_scripts_alone(tmp_path: Path) -> None:
    """A style sheet lists every icon there is, so it does not count."""
    (tmp_path / "a.html").write_text('<i class="fa-solid fa-circle-half-stroke"></i>')
    (tmp_path / "b.js").write_text('icon="fa-moon"')
    (tmp_path / "c.css").write_text(".fa-dragon{}")
    assert icons.names_in_use(tmp_path) == {"solid", "circle-half-stroke", "moon"}


def test_every_icon_of_a_page_is_drawn(open_page: Callable[..., Any], site: Path) -> None:
    """An icon that is missing from the script is drawn as a group with an animation, not a path."""
    assert (site / icons.BUNDLE).stat().st_size < 200_000
    visit = open_page("book/intro.html")
    shapes = visit.page.eval_on_selector_all(
        "svg.svg-inline--fa",
        "icons => icons.map(i => [i.dataset.icon, i.lastElementChild.tagName])",
    )
    assert {"bars", "magnifying-glass", "moon", "sun"} <= {name for name, _ in shapes}
    assert [name for name, shape in shapes if shape != "path"] == []
