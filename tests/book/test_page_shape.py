"""A chapter opens with something to look at, is short enough to be read, and nothing on it is cut."""

from collections.abc import Callable

import notebook_file
import page_shape
import pytest

NOTEBOOKS = [f"notebooks/{path.stem}.html" for path in notebook_file.all_notebooks()]


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_page_has_the_shape_of_a_chapter(open_page: Callable, page: str) -> None:
    seen = page_shape.shape(open_page(page).page)
    assert seen.verdicts == []
    assert seen.wide == {page_shape.PHONE: [], page_shape.DESKTOP: []}
    if page_shape.is_chapter(page):
        assert seen.first < page_shape.HIGH
        assert seen.screens <= page_shape.MAX_SCREENS


def test_what_is_a_chapter() -> None:
    assert page_shape.is_chapter("notebooks/05_loss_and_elbo.html")
    assert not page_shape.is_chapter("notebooks/05_loss_and_elbo_further.html")
    assert not page_shape.is_chapter("notebooks/appendix_b_elbo.html")


DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
BAD = f"""<main class="bd-article"><div style="height: 5000px">words</div>
<div class="cell_output"><div class="output stream"><pre style="height: 60px">ok: True
2</pre></div></div>
<div class="math" id="equation-wide"><mjx-container display="true" style="display: block; overflow: auto">
<div style="width: 600px; height: 20px">x</div></mjx-container></div>
<details><summary>more</summary><img src="{DOT}" alt="folded" width="100" height="100"></details>
<img src="{DOT}" alt="seen" width="100" height="100"></main>"""


def test_what_is_wrong_with_a_page_is_seen(open_html: Callable) -> None:
    seen = page_shape.shape(open_html(BAD).page)
    assert 5000 < seen.first < 5300
    assert 5 < seen.screens < 7
    assert seen.verdicts == ["ok: True"]
    assert [len(seen.wide[w]) for w in (page_shape.PHONE, page_shape.DESKTOP)] == [1, 0]
