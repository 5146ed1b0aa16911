"""The search of the book: it finds an equation by any of its names, and needs no server for it."""

import concepts
import pytest

PLACES = {
    name: label
    for row in concepts.concepts().values()
    for label in row.equations[:1]
    for name in row.called
}
SHOWN_FIRST = 3  # results that a reader sees without scrolling, on a phone too

# What the page does with a query, less the writing down: [page, title, anchor, ...] with the best one last.
FIND = "(query) => Search._performSearch(...Search._parseQuery(query)).reverse()"


@pytest.fixture
def found(open_page):
    """`found("ELBO")`: the places that the search leads to, the best first."""
    visit = open_page("search.html")
    visit.page.wait_for_function("Search.hasIndex()")
    return lambda query: [
        f"{page}{anchor}" for page, _, anchor, *_ in visit.page.evaluate(FIND, query)
    ]


def test_every_equation_is_found_by_its_names(found):
    """The place stands among the first results. 100 names and more."""
    assert len(PLACES) > 100
    seen = {name: found(name)[:SHOWN_FIRST] for name in PLACES}
    lost = {
        n: s for n, s in seen.items() if not any(p.endswith(f"#equation-{PLACES[n]}") for p in s)
    }
    assert not lost


def test_a_name_that_is_typed_leads_to_its_equation(open_page):
    """By keyboard, from the box on the page of the search to the formula."""
    visit = open_page("search.html")
    box = visit.page.get_by_role("searchbox").first
    box.fill("nice property")
    box.press("Enter")
    visit.page.locator("#search-results a[href$='#equation-eq-nice']").click()
    visit.page.wait_for_url("**/03_*.html*#equation-eq-nice")
    assert visit.page.locator("[id='equation-eq-nice']").is_visible()
    visit.assert_clean()
