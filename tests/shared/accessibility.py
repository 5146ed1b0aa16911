"""What axe-core says against a page, without the work that cannot change its answer.

On a page of the book nine tenths of axe-core's time went into words of code listings, of which a chapter has
thousands in a few colours, and into the shapes of glyphs in formulas.
"""

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe

# The contrast of a word of a listing follows from its own look and from the backgrounds below it, so one word
# of each look speaks for the others, its twins. It has to be one that axe-core judges: one that is seen where
# the page stands, not scrolled out of its listing, and more than one character or a sign.
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
    const judged = (word, listing) => {
        const text = [...word.childNodes].map((n) => n.nodeType === Node.TEXT_NODE ? n.data : ' ');
        const b = word.getBoundingClientRect(), frame = listing.getBoundingClientRect();
        return /[\p{L}\p{N}]{2}/u.test(text.join('')) && word.checkVisibility()
            && b.left >= frame.left && b.right <= frame.right;
    };
    const spoken = new Set();
    for (const listing of document.querySelectorAll('main pre, main dt.sig'))
        for (const word of listing.querySelectorAll('span')) {
            const s = getComputedStyle(word);
            const look = [s.color, s.fontSize, s.fontWeight, s.textShadow, ground(word)].join();
            word.toggleAttribute('data-twin', spoken.has(look));
            if (!spoken.has(look) && judged(word, listing)) spoken.add(look);
        }
    axe.configure({ rules: [{ id: 'color-contrast', selector: ':not([data-twin])' }] });
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
