"""How the shape of a page is measured; test_pages.py measures all of them."""

from collections.abc import Callable

import page_shape


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
