// What the theme leaves out for a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  // The arrows that open a part of the sidebar need a name.
  for (const arrow of document.querySelectorAll(".bd-sidebar-primary summary")) {
    const page = arrow.closest("li").querySelector("a").textContent.trim();
    arrow.setAttribute("aria-label", `Pages of ${page}`);
  }
  // What scrolls sideways has to be reached by keyboard.
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table");
  }
  // The theme measures which code scrolls when the window changes; in a closed box there is nothing to measure.
  document.addEventListener("click", (event) => {
    if (event.target.closest(".toggle, details")) setTimeout(() => dispatchEvent(new Event("resize")));
  });
  // It calls itself a list and holds no list items.
  for (const list of document.querySelectorAll(".citation-list")) list.removeAttribute("role");
});

// What the search finds is shown with a few words of its page, which are fetched; from a disk nothing can be.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A page that is loaded again, or come back to, has its sliders where the reader left them. Figures in which a
// network draws begin anew: what they had drawn is gone.
document.addEventListener("DOMContentLoaded", () => {
  const again = ["reload", "back_forward"].includes(performance.getEntriesByType("navigation")[0]?.type);
  const place = (root) => `mdw ${location.pathname} ${root.dataset.mdw}`;
  const controls = (root) => [...root.querySelectorAll("input, select")];
  const isButton = (control) => ["radio", "checkbox"].includes(control.type);
  const keep = ({ target }) => {
    const root = target.closest?.(".mdw:not([class*='mdw-live'])");
    if (!root) return;
    const state = controls(root).map((c) => (isButton(c) ? c.checked : c.value));
    try { sessionStorage.setItem(place(root), JSON.stringify(state)); } catch { /* a browser may forbid it */ }
  };
  const restore = (root) => {
    const state = JSON.parse(sessionStorage.getItem(place(root)) ?? "[]");
    for (const [i, control] of controls(root).entries()) {
      if (state[i] === undefined) return;
      if (isButton(control) ? control.checked === state[i] : control.value === state[i]) continue;
      if (isButton(control)) control.checked = state[i];
      else control.value = state[i];
      for (const name of ["input", "change"]) control.dispatchEvent(new Event(name, { bubbles: true }));
    }
  };
  if (again) for (const root of document.querySelectorAll(".mdw[data-ready]")) try { restore(root); } catch { /* as above */ }
  for (const name of ["input", "change"]) document.addEventListener(name, keep);
});

// To typeset all formulas in one go takes half a second, in which a page shows nothing and does not answer. So
// it is done by and by, from the top, and the browser may draw in between (in a hidden tab it never does).
const AT_A_TIME = 8;
const drawn = () => new Promise((go) => { requestAnimationFrame(() => setTimeout(go)); setTimeout(go, 100); });
(window.MathJax ??= {}).startup = {
  async pageReady() {
    const formulas = [...document.querySelectorAll(".math, .output_area")];
    while (formulas.length) {
      await drawn();
      await MathJax.typesetPromise(formulas.splice(0, AT_A_TIME));
    }
  },
};
