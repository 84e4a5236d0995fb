// Optional: a readout under the pointer or the arrow keys, and a switch of the theme. The page says all without it.
"use strict";
for (const figure of document.querySelectorAll("figure[id]")) {
  const data = figure.querySelector("script[type='application/json']");
  const svg = figure.querySelector("svg");
  if (!data || !svg) continue;
  const { from, to, boxes } = JSON.parse(data.textContent);
  const readout = figure.querySelector(".readout");
  const hint = "Point at the plot, or focus it and use the arrow keys, to read its values.";
  readout.textContent = hint;
  const lines = boxes.map((box) => {
    const line = document.createElementNS(svg.namespaceURI, "line");
    line.setAttribute("class", "cross");
    line.setAttribute("y1", box.top);
    line.setAttribute("y2", box.bottom);
    line.setAttribute("visibility", "hidden");
    svg.append(line);
    return line;
  });
  let current = 0, index = -1;
  const show = () => {
    const box = boxes[current], t = box.at[index];
    readout.textContent = box.text[index];
    readout.classList.add("live");
    boxes.forEach((other, at) => {
      const x = other.left + (t - from) / (to - from) * (other.right - other.left);
      lines[at].setAttribute("x1", x);
      lines[at].setAttribute("x2", x);
      lines[at].setAttribute("visibility", "visible");
    });
  };
  const hide = () => {
    readout.textContent = hint;
    readout.classList.remove("live");
    for (const line of lines) line.setAttribute("visibility", "hidden");
  };
  svg.tabIndex = 0;
  svg.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const inside = (box) => point.x >= box.left && point.x <= box.right && point.y >= box.top - 20 && point.y <= box.bottom + 4;
    const found = boxes.findIndex(inside);
    if (found < 0) return hide();
    const box = boxes[found];
    const t = from + (point.x - box.left) / (box.right - box.left) * (to - from);
    let best = 0;
    box.at.forEach((at, place) => { if (Math.abs(at - t) < Math.abs(box.at[best] - t)) best = place; });
    current = found;
    index = best;
    show();
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("keydown", (event) => {
    const last = () => boxes[current].at.length - 1;
    const moves = {
      ArrowLeft: () => { index = Math.max(0, index - 1); },
      ArrowRight: () => { index = Math.min(last(), index + 1); },
      ArrowUp: () => { current = Math.max(0, current - 1); index = Math.min(Math.max(index, 0), last()); },
      ArrowDown: () => { current = Math.min(boxes.length - 1, current + 1); index = Math.min(Math.max(index, 0), last()); },
      Home: () => { index = 0; },
      End: () => { index = last(); },
    };
    if (event.key === "Escape") return hide();
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
    show();
  });
}
const button = document.querySelector(".theme");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
}
