"use strict";
// Charts are complete without this: it lets one drag over epochs to look at them, and tells values.
for (const chart of document.querySelectorAll(".chart")) {
  const plot = chart.querySelector(".plot"), read = chart.querySelector(".read");
  const chosen = plot.querySelector(".chosen");
  const [left, right, bottom, top] = chart.dataset.edges.split(" ").map(Number);
  const lines = [...plot.querySelectorAll(".raw")].map(line => ({
    label: line.dataset.label,
    points: line.getAttribute("points").split(" ").filter(Boolean).map(p => p.split(",").map(Number)),
  }));
  const original = [...chart.querySelectorAll(".tick")].map(g => g.cloneNode(true));
  const hint = "drag over epochs to look closer";
  let view = [0, 0, 1000, 1000], start = null;

  const epoch = x => left + x / 1000 * (right - left);
  const value = y => {
    const v = top - y / 1000 * (top - bottom);
    return "log" in chart.dataset ? 10 ** v : v;
  };
  const short = v => String(Number(v.toPrecision(3)));
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    read.after(made);
    return made;
  };
  const reset = button("all epochs", () => show([0, 0, 1000, 1000]));
  button("last half", () => zoom(view[0] + view[2] / 2, view[0] + view[2]));
  reset.hidden = true;
  read.textContent = hint;

  function show(next) {
    view = next;
    plot.setAttribute("viewBox", view.join(" "));
    const whole = view[2] === 1000;
    reset.hidden = whole;
    [...chart.querySelectorAll(".tick")].forEach((g, i) => {
      const is_x = "x" in g.dataset;
      const place = Number(is_x ? g.dataset.x : g.dataset.y);
      g.querySelector("text").textContent = whole ? original[i].querySelector("text").textContent
        : is_x ? short(epoch(view[0] + place / 1000 * view[2]))
          : short(value(view[1] + place / 1000 * view[3]));
    });
  }
  function zoom(from, to) {
    if (to - from < 1) return;
    const inside = lines.flatMap(l => l.points.filter(p => p[0] >= from && p[0] <= to).map(p => p[1]));
    if (!inside.length) return;
    const low = Math.min(...inside), high = Math.max(...inside), room = 0.05 * (high - low) || 10;
    show([from, low - room, to - from, high - low + 2 * room]);
  }
  const place = event => {
    const box = plot.getBoundingClientRect(), area = chart.querySelector(".frame").getBoundingClientRect();
    return view[0] + Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) * view[2];
  };
  function mark(from, to) {
    for (const [name, own] of Object.entries({x: from, y: view[1], width: to - from, height: view[3]}))
      chosen.setAttribute(name, own);
  }
  const drawing = plot.parentNode;
  drawing.addEventListener("pointerdown", event => { start = place(event); });
  drawing.addEventListener("pointermove", event => {
    const x = place(event);
    if (start !== null) mark(Math.min(start, x), Math.max(start, x));
    const told = lines.filter(l => l.points.length).map(l => {
      const near = l.points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
      return [near[0], `${l.label} ${short(value(near[1]))}`];
    });
    read.textContent = told.length ? `epoch ${short(epoch(told[0][0]))}: ${told.map(t => t[1]).join(", ")}` : hint;
  });
  const end = event => {
    if (start !== null && event.type === "pointerup") {
      const x = place(event);
      if (Math.abs(x - start) > 0.02 * view[2]) zoom(Math.min(start, x), Math.max(start, x));
    }
    start = null;
    mark(0, 0);
  };
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) drawing.addEventListener(type, end);
  drawing.addEventListener("dblclick", () => show([0, 0, 1000, 1000]));
}
