"""Every page of the built book, opened over file:// with the network cut.

The listings of source code under _modules/ and the indexes are the theme's own work; they are opened, too,
but only for what a broken file or script would show.

A page of the table of contents is loaded once: its tests follow each other on it, in the order in which they
stand here, and one worker gets them all (see the first conftest.py).
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_shape
import pytest
import setup_cell
import yaml
from accessibility import violations
from visits import Visit

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PHONE, DESKTOP = 390, 1280

BAD_IMAGES = """() => [...document.images].filter(
    (i) => !i.complete || !i.naturalWidth).map((i) => i.src)"""
# Without alt text MyST-NB writes the picture's file name there. A card's picture only adorns its words.
WITHOUT_ALT = r"""() => [...document.querySelectorAll('main img:not(.md-card img)')].filter(
    (i) => !i.alt.trim() || /_images\//.test(i.alt)).map((i) => i.src)"""
NOT_TYPESET = """() => [...document.querySelectorAll('main .math')].filter(
    (e) => !e.querySelector('mjx-container svg')).map((e) => e.textContent)"""
FORMULA_ERRORS = """() => [...document.querySelectorAll('mjx-merror, [data-mjx-error]')].map(
    (e) => e.getAttribute('data-mjx-error') || e.textContent)"""
STICKING_OUT = """() => [...document.querySelectorAll('main *')].filter(
    (e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""
# What a widget shows: the numbers it says, its drawings and its pictures. It is compared in the page, for it
# can be megabytes.
REMEMBER = """(root) => {
    root.shown = () => [...root.querySelectorAll('output, svg, canvas')].map(
        (e) => e.tagName === 'CANVAS' ? e.toDataURL() : e.innerHTML).join('\\n');
    root.before = root.shown(); }"""
HAS_CHANGED = """async (root) => {
    for (let i = 0; i < 40 && root.shown() === root.before; i++)
        await new Promise((r) => setTimeout(r, 25));
    return root.shown() !== root.before; }"""

STATE = """(root) => [...root.querySelectorAll('input, select')].map(
    (c) => c.type === 'radio' ? c.checked : c.value)"""
RESTORE = """(root, state) => [...root.querySelectorAll('input, select')].forEach((c, i) => {
    if (c.type === 'radio') { if (state[i] && !c.checked) c.click(); return; }
    c.value = state[i];
    for (const name of ['input', 'change']) c.dispatchEvent(new Event(name, { bubbles: true })); })"""


def written_pages() -> list[str]:
    """The pages that the table of contents names: ours, not the theme's."""
    chapters = [c for part in TOC["parts"] for c in part["chapters"]]
    sections = [section for chapter in chapters for section in chapter.get("sections", [])]
    return [f"{page}.html" for page in [TOC["root"], *(c["file"] for c in [*chapters, *sections])]]


def other_pages() -> list[str]:
    """The theme's own; index.html is only a redirect, and has a test of its own."""
    pages = [path.relative_to(SITE).as_posix() for path in sorted(SITE.rglob("*.html"))]
    ours = {"index.html", *written_pages()}
    # Without a built book the test still runs once, and `open_page` fails with what to do.
    return [p for p in pages if p not in ours and not p.startswith("_static/")] or ["index.html"]


def pages_with_widgets() -> list[str]:
    """The welcome page and the chapters: where the course has its interactives."""
    return [page for page in written_pages() if page.startswith(("notebooks/", TOC["root"]))]


def of(pages: list[str]) -> Any:
    """Run a test on each of them, opened once for all of its tests."""
    return pytest.mark.parametrize("opened", pages, indirect=True)


def load_everything(visit: Any) -> None:
    """Scroll to the end and back, and have all pictures loaded, also those for the other theme."""
    visit.page.evaluate(
        """async () => { for (const i of document.images) i.loading = 'eager';
        for (let y = 0; y < document.body.scrollHeight; y += 800) {
        window.scrollTo(0, y); await new Promise((r) => setTimeout(r, 15)); }
        window.scrollTo(0, 0);
        // Resolved once a picture is there; one that is broken is left for the test to find.
        await Promise.all([...document.images].map((i) => i.decode().catch(() => {}))); }"""
    )


def serious(page: Any, **options: Any) -> list[Any]:
    """What axe-core finds that keeps somebody from using the page."""
    # Without "preload" axe leaves the style sheets alone; over file:// it could not fetch them.
    found = violations(page, preload=False, **options)
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    return [(v["id"], [node["html"][:200] for node in v["nodes"][:5]]) for v in grave]


def open_boxes(page: Any) -> None:
    """Open what a reader opens: hints, solutions, hidden cells."""
    page.evaluate(
        """() => {
            const closed = 'button.toggle-button-hidden, .bd-article details:not([open]) > summary';
            document.querySelectorAll(closed).forEach(box => box.click());
        }"""
    )
    wait_for_tab_stops(page)


def wait_for_tab_stops(page: Any) -> None:
    """The theme sees 0.3 s later what now scrolls. Where it never does, axe-core will say so."""
    page.evaluate(
        """async () => {
            const scrolls = (e) => e.scrollWidth > e.clientWidth && e.tabIndex < 0;
            const boxes = 'main pre, .cell_output > .output, .pst-scrollable-table-container';
            for (let i = 0; i < 50 && [...document.querySelectorAll(boxes)].some(scrolls); i++)
                await new Promise((r) => setTimeout(r, 100));
        }"""
    )


def assert_fits(page: Any, width: int) -> None:
    """Nothing makes the page wider than the window, once it has settled at its new width."""
    page.set_viewport_size({"width": width, "height": 900})
    for _ in range(25):
        if page.evaluate("document.documentElement.scrollWidth") <= width:
            return wait_for_tab_stops(page)
        page.wait_for_timeout(200)
    pytest.fail(f"wider than {width}: {page.evaluate(STICKING_OUT)}")


# ---- each of our pages ------------------------------------------------------------------------


def assert_complete(visit: Visit) -> None:
    """Nothing is missing, went wrong or asked the network."""
    load_everything(visit)
    visit.assert_clean()
    for fault in (BAD_IMAGES, WITHOUT_ALT, FORMULA_ERRORS, NOT_TYPESET):
        assert visit.page.evaluate(fault) == []


@of(written_pages())
def test_page_opens_without_network_or_error(opened: Visit) -> None:
    assert_complete(opened)


@of([page for page in written_pages() if page.startswith("notebooks/")])
def test_page_has_the_shape_of_a_chapter(opened: Visit) -> None:
    """It begins with something to look at, is short enough to be read, and nothing on it is cut."""
    seen = page_shape.shape(opened.page)
    assert seen.verdicts == []
    assert seen.wide == {page_shape.PHONE: [], page_shape.DESKTOP: []}
    if page_shape.is_chapter(opened.page.url):
        assert seen.first < page_shape.HIGH
        assert seen.screens <= page_shape.MAX_SCREENS


def keys_for(control: Any) -> list[str]:
    """Keys that move a control of its kind, one of which must do something wherever it stands."""
    tag, kind = control.evaluate("(c) => [c.tagName.toLowerCase(), c.type]")
    if kind in ("range", "number"):
        return ["ArrowRight", "ArrowLeft", "Home", "End"]
    if tag == "select" or kind == "radio":
        return ["ArrowDown", "ArrowUp"]
    return ["Enter", "Space"]


def moves(root: Any, control: Any) -> bool:
    """Whether some key changes what the widget shows, at once or (an animation) soon."""
    root.evaluate(REMEMBER)
    label = control.text_content()
    for key in keys_for(control):
        control.press(key)
        if root.evaluate(HAS_CHANGED):
            if control.text_content() != label:  # "Play" became "Pause"
                control.press(key)
            return True
    return False


@of(pages_with_widgets())
def test_every_control_answers_the_keyboard(opened: Visit) -> None:
    figures = opened.page.locator("main .mdw:not(.mdw-source)")  # a listing has nothing to move
    for root in figures.all():
        root.scroll_into_view_if_needed()
        controls = root.locator("input, select, button").all()
        assert controls
        at_first = root.evaluate(STATE)
        for control in controls:
            # Another control may just have made sense of this one, or nonsense.
            if control.is_enabled() and control.is_visible() and not moves(root, control):
                root.evaluate(RESTORE, at_first)
                assert moves(root, control), control.evaluate("(c) => c.outerHTML")
    opened.assert_clean()


@of(written_pages())
def test_page_fits_and_is_accessible(opened: Visit) -> None:
    """Dark on a phone by the rules that colour and width bear on; light on a desktop by all."""
    page = opened.page
    open_boxes(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert_fits(page, PHONE)
    of_the_dark_phone = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
    assert serious(page, runOnly=of_the_dark_phone) == []
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert_fits(page, DESKTOP)
    assert serious(page) == []
    opened.assert_clean()


# ---- the others, and what leads from page to page -----------------------------------------------


@pytest.mark.parametrize("page", other_pages())
def test_page_of_the_theme_opens_without_network_or_error(open_page: Callable, page: str) -> None:
    assert_complete(open_page(page))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_reader_keeps_the_theme_that_was_chosen(open_page: Callable, theme: str) -> None:
    visit = open_page(written_pages()[0], theme=theme)
    assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness < 128) == (theme == "dark")


def test_index_leads_to_the_welcome_page(open_page: Callable) -> None:
    visit = open_page("index.html", settled=False)
    visit.page.wait_for_url(re.compile(rf"{TOC['root']}\.html$"))
    visit.page.get_by_role("heading", level=1).wait_for()
    visit.assert_clean()


@pytest.mark.parametrize("page", written_pages())
def test_launch_button_is_there_if_colab_can_open_the_address(site: Path, page: str) -> None:
    _, address = setup_cell.settings()
    wanted = page.startswith("notebooks/") and address.startswith("https://github.com/")
    html = (site / page).read_text(encoding="utf-8")
    assert ("https://colab.research.google.com/github/" in html) == wanted


def test_sliders_stay_where_they_were_when_a_page_is_loaded_again(open_page: Callable) -> None:
    visit = open_page("book/intro.html")

    def state() -> tuple[list[Any], str]:
        root = visit.page.locator(".mdw-noise_explorer[data-ready]").first
        root.scroll_into_view_if_needed()
        return root.evaluate(STATE), root.locator("output").first.inner_text()

    opened = state()
    slider = visit.page.locator(".mdw-noise_explorer input[type=range]").first
    for _ in range(3):
        slider.press("PageUp")
    moved = state()
    assert moved != opened
    visit.page.reload()
    assert state() == moved
    visit.page.goto(visit.page.url)  # as one comes anew
    assert state() == opened
    visit.assert_clean()


@pytest.mark.parametrize("name", ["beta_explorer", "noise_explorer"])
def test_interactive_is_on_the_welcome_page_and_in_a_chapter(
    open_page: Callable, name: str
) -> None:
    def has(page: str) -> bool:
        return open_page(page).page.locator(f"main .mdw-{name}[data-ready]").count() > 0

    welcome, *chapters = pages_with_widgets()
    assert has(welcome)
    assert any(has(page) for page in chapters)
