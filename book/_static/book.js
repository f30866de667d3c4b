// A box that scrolls sideways can be reached by the keyboard, and one that does not is no stop.
const BOXES = "pre, div.math, mjx-container[display], .pst-scrollable-table-container, .cell_output, .bd-article p";
const scrolls = (box) => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
const mark = () => {
  for (const box of document.querySelectorAll(BOXES)) {
    if (scrolls(box)) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("DOMContentLoaded", () => new ResizeObserver(mark).observe(document.querySelector("main")));
