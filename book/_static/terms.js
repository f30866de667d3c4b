// The definition of a term, under the pointer or the focus. Without this script it is the title.
const tip = document.createElement("div");
Object.assign(tip, { id: "term-tip", hidden: true });
tip.setAttribute("role", "tooltip");
document.body.append(tip);
let shown = null, closing = 0;

function show(link) {
  clearTimeout(closing);
  if (link === shown) return;
  hide();
  shown = link;
  tip.textContent = link.title;
  link.removeAttribute("title");  // the browser's own tooltip would cover this one
  link.setAttribute("aria-describedby", tip.id);
  tip.hidden = false;
  const box = link.getClientRects()[0], room = document.documentElement.clientWidth;
  tip.style.left = `${Math.max(8, Math.min(box.left, room - tip.offsetWidth - 8))}px`;
  const below = box.bottom + tip.offsetHeight + 8 < innerHeight;
  tip.style.top = `${below ? box.bottom + 4 : box.top - tip.offsetHeight - 4}px`;
}

function hide() {
  if (!shown) return;
  shown.title = tip.textContent;
  shown.removeAttribute("aria-describedby");
  shown = null;
  tip.hidden = true;
}

function later() {  // so that the pointer can move onto the definition
  closing = setTimeout(hide, 200);
}

for (const link of document.querySelectorAll("a.term")) {
  link.addEventListener("mouseenter", () => show(link));
  link.addEventListener("focus", () => show(link));
  link.addEventListener("mouseleave", later);
  link.addEventListener("blur", hide);
}
tip.addEventListener("mouseenter", () => clearTimeout(closing));
tip.addEventListener("mouseleave", later);
addEventListener("keydown", (event) => event.key === "Escape" && hide());
addEventListener("scroll", hide, { passive: true, capture: true });
