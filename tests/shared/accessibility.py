"""What axe-core says against a page, without the work that cannot change its answer.

On a page of the book nine tenths of axe-core's time went into the contrast of text, of which there are
thousands of pieces in a few dozen looks, and into the shapes of glyphs in formulas.
"""

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe

# The contrast of a piece of text follows from its own look and from the backgrounds below it, so one piece
# of each look speaks for the others, its twins. It has to be one that axe-core judges: one that is seen where
# the page stands, not scrolled out of its box, and more than one character or a sign. A link in a text is
# judged by its look and by that of the text around it.
MARK_TWINS = r"""() => {
    const grounds = new Map([[null, '']]);
    const ground = (e) => {
        if (!grounds.has(e)) {
            const s = getComputedStyle(e);
            const own = [s.backgroundColor, s.backgroundImage, s.opacity, s.filter, s.mixBlendMode];
            grounds.set(e, [...own, ground(e.parentElement)].join());
        }
        return grounds.get(e);
    };
    const frames = new Map([[null, { left: 0, right: innerWidth, top: 0, bottom: Infinity }]]);
    const frame = (e) => {  // what a box that scrolls or cuts lets be seen
        if (!frames.has(e)) {
            const outer = frame(e.parentElement), own = e.getBoundingClientRect();
            frames.set(e, getComputedStyle(e).overflow === 'visible' || e === document.body ? outer : {
                left: Math.max(outer.left, own.left), right: Math.min(outer.right, own.right),
                top: Math.max(outer.top, own.top), bottom: Math.min(outer.bottom, own.bottom) });
        }
        return frames.get(e);
    };
    const words = (e) => [...e.childNodes].map((n) => n.nodeType === Node.TEXT_NODE ? n.data : ' ').join('');
    const judged = (e) => {
        const b = e.getBoundingClientRect(), f = frame(e.parentElement);
        return /[\p{L}\p{N}]{2}/u.test(words(e)) && e.checkVisibility({ visibilityProperty: true })
            && b.left >= f.left && b.right <= f.right && b.top >= f.top && b.bottom <= f.bottom;
    };
    scrollTo(0, 0);
    const spoken = new Set();
    for (const e of document.body.querySelectorAll('*')) {
        e.removeAttribute('data-twin');
        if (e.closest('svg') || !words(e).trim()) continue;
        const s = getComputedStyle(e), link = e.closest('a, [role=link]'), around = link?.parentElement;
        const look = [s.color, s.fontSize, s.fontWeight, s.textShadow, s.textDecoration, ground(e),
            around && getComputedStyle(around).color, around && getComputedStyle(link).borderBottom,
            around && /\p{L}/u.test(words(around))].join();
        e.toggleAttribute('data-twin', spoken.has(look));
        if (!spoken.has(look) && judged(e)) spoken.add(look);
    }
    axe.configure({ rules: [
        { id: 'color-contrast', selector: ':not([data-twin])' },
        { id: 'link-in-text-block', selector: ':is(a[href], [role=link]):not([data-twin])' } ] });
}"""

# A drawn formula is hidden from screen readers, which read its MathML; its shapes are no text and take no
# focus. What MathJax has no shape for it writes as text, and that stays.
EMPTY_FORMULAS = """() => document.querySelectorAll('mjx-container > svg[aria-hidden=true]').forEach(
    (svg) => { if (!svg.querySelector('text, a, foreignObject')) svg.replaceChildren(); })"""


# A link that has only just become visible, or the theme, is still on its way to its colour.
SETTLE = """() => Promise.all(document.getAnimations()
    .filter((a) => a instanceof CSSTransition).map((a) => a.finished.catch(() => null)))"""


def violations(page: Any, context: str | None = None, **options: Any) -> list[Any]:
    """The rules that are broken, within `context` (all of the page); formulas are not drawn afterwards."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    page.evaluate(SETTLE)
    page.evaluate(MARK_TWINS)
    page.evaluate(EMPTY_FORMULAS)
    where = "document" if context is None else json.dumps(context)
    given = json.dumps({"resultTypes": ["violations"], **options})
    return page.evaluate(f"axe.run({where}, {given})")["violations"]
