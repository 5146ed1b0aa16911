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
