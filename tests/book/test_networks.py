"""The build lays the networks that pages ask for beside them, and stops at one that no page can carry out."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import minidiff as md
from minidiff.viz.engine import page_network, script_of

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import networks  # noqa: E402  (an extension of the book, not an installed module)

MOST = 2_000_000  # bytes of a network in the page


def built(folder: Path, *pages: str) -> Any:
    for i, page in enumerate(pages):
        (folder / f"{i}.html").write_text(page, encoding="utf-8")
    (folder / "_static").mkdir()
    return SimpleNamespace(outdir=folder, builder=SimpleNamespace(format="html"))


def test_networks_that_pages_name_and_no_others(tmp_path: Path) -> None:
    figure = md.viz.live_digits("digits28", steps=10)._repr_html_()
    networks.write(built(tmp_path, figure, "no figure", figure), None)
    (script,) = (tmp_path / "_static" / "networks").iterdir()
    assert script.name == "digits28.js"
    assert script.read_text(encoding="utf-8") == script_of("digits28", page_network("digits28"))


def test_a_figure_may_name_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "page_network", lambda name: f"what {name} does")
    monkeypatch.setattr(networks, "script_of", lambda name, program: program)
    figures = (md.viz.live_flow()._repr_html_(), md.viz.live_guidance()._repr_html_())
    networks.write(built(tmp_path, *figures), None)
    laid = {script.stem: script for script in (tmp_path / "_static" / "networks").iterdir()}
    assert laid.keys() == {"digits16", "digits16_flow", "digits28"}
    assert laid["digits28"].read_text(encoding="utf-8") == "what digits28 does"


def test_a_build_that_failed_gets_none(tmp_path: Path) -> None:
    page = '"network":"digits16"'
    networks.write(built(tmp_path, page), ValueError("the build failed"))
    assert not (tmp_path / "_static" / "networks").exists()


def test_what_no_page_can_carry_out_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} calls aten.tanh.default")

    monkeypatch.setattr(networks, "page_network", refuse)
    with pytest.raises(ValueError, match=r"digits16 calls aten\.tanh"):
        networks.write(built(tmp_path, '"network":"digits16"'), None)


def test_the_book_s_networks_are_small(site: Path) -> None:
    scripts = [*(site / "_static" / "networks").glob("*.js")]
    assert scripts
    for script in scripts:
        assert script.stat().st_size <= MOST, script.name
        assert re.match(rf'minidiffNetwork\("{script.stem}",', script.read_text(encoding="utf-8"))
