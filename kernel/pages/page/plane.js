// The linked plane: every image of an SR space as a point, by any two of its
// numbers. Point at one to see it, drag to select, click a sample to pick it.
//
// In the notebook the picks are the gallery's: the engine stores each click
// before the page shows it as picked, and scores the mean of the picks anew,
// whose star moves. In a file of its own the picks live as long as the page.
import { byId, messages } from "./dom.js";
import { openPicks } from "./picks.js";
import { label, make, meanPicture, nearest, paint, shapes, steps } from "./planeparts.js";

const page = document.body.dataset;
const own = byId("data"); // the page is a file: what it shows is in it
const kinds = [ // in the order drawn; [name, one, many]
  ["control", "control (nobody chose)", "controls (nobody chose)"],
  ["sample", "sample", "samples"],
  ["method", "other method", "other methods"],
  ["single", "one random sample", "random samples"],
  ["ensemble", "mean of picks", "means of picks"],
];

let data = own && JSON.parse(own.textContent);
let star = null; // the mean of the picks: {point, picture}
const hidden = new Set(); // kinds not shown
const selected = new Set(); // keys of points
let zoomed = new Set(); // keys of the points that the axes span; none for all
let marks = []; // {point, x, y, element} of the points drawn
let shown = null; // point in the panel
let focus = null; // the point that Tab reaches

const { say, complain: complainFor } = messages(byId("message"));
const complain = (refusal) => complainFor(refusal, 6000);

const picks = openPicks(page, data?.picks, {
  say, complain, render,
  moved: () => moveStar(),
  grown: () => load().catch(complain),
  looked: () => { if (starMissed) moveStar(); },
});
const toggle = (point) => { if (point.seed) picks.toggle(point.seed); };

// moveStar asks for the mean of the picks as they are now. A file knows the
// numbers of the mean it was saved with only; of others it shows the picture.
let starsAsked = 0;
let starMissed = false; // the engine went away before it answered
async function moveStar() {
  if (!data) return;
  starMissed = false;
  if (picks.live) {
    const mine = ++starsAsked;
    try {
      const answer = await picks.ask("plane/SPACE/star", null, 20000);
      if (mine !== starsAsked) return;
      star = answer;
    } catch (err) {
      if (err.refused) complain(err);
      else starMissed = mine === starsAsked;
      return;
    }
  } else {
    const saved = data.points.find((p) => p.list === page.name);
    const { seeds } = picks.stored();
    const same = saved && [...saved.seeds].sort().join() === [...seeds].sort().join();
    const tiles = data.points.filter((p) => seeds.includes(p.seed)).map((p) => p.tile);
    star = { point: same ? saved : null, picture: tiles.length ? await meanPicture(data.sheet, tiles) : null };
  }
  draw();
  showMean();
  if (shown?.list === page.name && star.point) show(star.point);
}

const axis = (which) => data.axes.findIndex((a) => a.id === byId(which).value);
const number = (v) => (typeof v === "number" ? Number(v.toPrecision(5)).toString() : v === null ? "–" : v.replace("inf", "∞"));
const nameOf = (a) => a.label.replace(/ [↑↓]$/, "");
const describe = (p) => [p.label, ...[axis("x"), axis("y")].map((i) => `${nameOf(data.axes[i])} ${number(p.scores[i])}`)].join(", ");

// points lists what is to be drawn: the star in place of the saved ensemble.
function points() {
  const all = data.points.filter((p) => p.list !== page.name);
  if (star?.point) all.push(star.point);
  return all;
}

const svg = byId("plot");
function draw() {
  if (!data) return;
  const refocus = document.activeElement?.classList?.contains("point");
  const width = Math.max(280, svg.clientWidth);
  const height = Math.round(Math.min(620, Math.max(300, width * 0.68)));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = `${height}px`;
  const [ix, iy] = [axis("x"), axis("y")];
  const visible = points().filter((p) => !hidden.has(p.kind));
  const finite = visible.filter((p) => typeof p.scores[ix] === "number" && typeof p.scores[iy] === "number");
  const left = 58, right = 12, top = 10, bottom = 44;
  const near = finite.filter((p) => zoomed.has(key(p)));
  const scale = (i, from, to) => {
    const values = (near.length ? near : finite).map((p) => p.scores[i]);
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (!values.length) [low, high] = [0, 1];
    const room = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1e-6;
    [low, high] = [low - room, high + room];
    return { low, high, holds: (v) => v >= low && v <= high, at: (v) => from + ((v - low) / (high - low)) * (to - from) };
  };
  const x = scale(ix, left, width - right);
  const y = scale(iy, height - bottom, top);

  svg.replaceChildren();
  for (const [v, text] of steps(x.low, x.high)) {
    make(svg, "line", { class: "grid", x1: x.at(v), x2: x.at(v), y1: top, y2: height - bottom });
    make(svg, "text", { class: "tick", x: x.at(v), y: height - bottom + 16, "text-anchor": "middle" }).textContent = text;
  }
  for (const [v, text] of steps(y.low, y.high)) {
    make(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y.at(v), y2: y.at(v) });
    make(svg, "text", { class: "tick", x: left - 6, y: y.at(v) + 4, "text-anchor": "end" }).textContent = text;
  }
  make(svg, "rect", { class: "frame", x: left, y: top, width: width - left - right, height: height - top - bottom });
  make(svg, "text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }).textContent = data.axes[ix].label;
  make(svg, "text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(top + height - bottom) / 2}) rotate(-90)` }).textContent = data.axes[iy].label;

  marks = [];
  const order = new Map(kinds.map(([kind], i) => [kind, i]));
  const { seeds } = picks.picked();
  const layer = (p) => order.get(p.kind) + (seeds.includes(p.seed) ? 1.5 : 0);
  const inside = finite.filter((p) => x.holds(p.scores[ix]) && y.holds(p.scores[iy]));
  for (const point of inside.sort((a, b) => layer(a) - layer(b))) {
    const mark = { point, x: x.at(point.scores[ix]), y: y.at(point.scores[iy]) };
    mark.element = make(svg, "path", {
      class: `point ${point.kind}`, d: shapes[point.kind === "control" && !point.seeds ? "all" : point.kind], transform: `translate(${mark.x.toFixed(1)} ${mark.y.toFixed(1)})`,
      role: point.seed ? "button" : "img", "aria-label": describe(point), tabindex: -1,
    });
    if (point.seed) mark.element.dataset.seed = point.seed;
    mark.element.addEventListener("focus", () => { focus = key(point); show(point); reachable(); });
    marks.push(mark);
  }
  label(svg, marks, width - right, height - bottom);
  const gone = visible.length - finite.length;
  byId("dropped").hidden = !gone && inside.length === finite.length;
  byId("dropped").textContent = !gone ? `${finite.length - inside.length} points lie outside.` : `Not drawn, infinite or undefined: ${visible.filter((p) => !finite.includes(p)).slice(0, 3).map((p) => p.label).join(", ")}${gone > 3 ? ` and ${gone - 3} more` : ""}`;
  const better = { higher: "more is better", lower: "less is better", "": "no end is better" };
  byId("axes").textContent = [ix, iy].map((i) => `${data.axes[i].id}: ${better[data.axes[i].better]}`).join("; ");
  reachable();
  render();
  if (refocus) marks.find((m) => key(m.point) === focus)?.element.focus();
}

// key names a point across redraws.
const key = (p) => p.seed ?? (p.list === page.name ? "star" : `tile ${p.tile}`);

// reachable lets Tab reach one point; arrows go on from there.
function reachable() {
  let one = marks.find((m) => key(m.point) === focus);
  if (!one) one = [...marks].sort((a, b) => a.x - b.x)[0];
  for (const m of marks) m.element.setAttribute("tabindex", m === one ? 0 : -1);
}

// show puts a point's picture and numbers into the panel.
function show(point) {
  shown = point;
  const isStar = star?.point === point && star.picture;
  const picture = byId("picture");
  paint(picture, isStar ? star.picture : data.sheet, isStar ? 0 : point.tile, window.innerWidth <= 760 ? 168 : 280);
  picture.setAttribute("aria-label", `picture of ${point.label}`);
  byId("name").textContent = point.label;
  byId("numbers").tBodies[0].replaceChildren(...data.axes.map((a, i) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = a.label;
    head.title = a.id;
    const cell = document.createElement("td");
    cell.textContent = number(point.scores[i]);
    row.append(head, cell);
    return row;
  }));
  byId("standing").textContent = standing(point) || point.address || "";
  for (const m of marks) m.element.classList.toggle("shown", m.point === point);
}

// standing compares an ensemble of picks with those drawn by lot.
function standing(point) {
  if (point.kind !== "ensemble") return "";
  const lots = data.points.filter((p) => p.kind === "control" && p.seeds?.length === point.seeds.length);
  if (!lots.length) return `The controls are means of ${data.cap} samples: pick as many to compare with them.`;
  const parts = [axis("x"), axis("y")].filter((i) => data.axes[i].better).map((i) => {
    const sign = data.axes[i].better === "lower" ? -1 : 1;
    const worse = lots.filter((p) => sign * p.scores[i] < sign * point.scores[i]).length;
    return `${nameOf(data.axes[i])}: better than ${worse}`;
  });
  return parts.length ? `Of ${lots.length} means of ${point.seeds.length} samples drawn by lot: ${parts.join("; ")}.` : "";
}

function showMean() {
  const box = byId("mean").firstElementChild;
  const n = picks.stored().seeds.length;
  if (n && star?.picture) paint(box, star.picture, 0, 72);
  else box.style.backgroundImage = "";
  box.setAttribute("aria-label", n ? `pixel average of ${n} picks` : "no picks yet");
  byId("meancaption").textContent = n ? `mean of ${n} ${n === 1 ? "pick" : "picks"}` : "no picks yet";
}

// render shows list, queue and selection on what is drawn.
function render() {
  const list = picks.stored();
  if (!list || !data) return;
  const { seeds, by } = picks.picked();
  const waiting = picks.waiting(), pending = picks.pending();
  const mark = (element, seed) => {
    const is = seeds.includes(seed);
    element.classList.toggle("waiting", waiting.has(seed));
    element.classList.toggle("picked", is && !waiting.has(seed));
    element.setAttribute("aria-pressed", String(is));
  };
  for (const m of marks) {
    if (m.point.seed) mark(m.element, m.point.seed);
    m.element.classList.toggle("selected", selected.has(key(m.point)));
  }
  for (const button of byId("strip").children) if (button.dataset.seed) mark(button, button.dataset.seed);
  byId("count").textContent = `${seeds.length} of ${list.cap}`;
  const saved = byId("saved");
  saved.classList.toggle("waiting", pending);
  if (!picks.live && by === "stand-in") saved.textContent = list.note;
  else if (!picks.live) saved.textContent = seeds.length && !star?.point ? "picked in this page; only the notebook can score their mean" : "picked";
  else if (picks.away()) saved.textContent = pending ? "picked, not stored yet" : "picked";
  else if (pending) saved.textContent = "picked, storing…";
  else if (by === "stand-in") saved.textContent = `${list.note}. Your first click replaces them.`;
  else if (by === "study") saved.textContent = list.note;
  else if (by === "notebook") saved.textContent = "picked by a notebook cell, stored";
  else saved.textContent = seeds.length ? "picked, stored" : "picked";
  byId("undo").disabled = !list.undoable && !pending;
  byId("clear").disabled = !seeds.length;
  if (picks.live) return;
  const command = document.createElement("code");
  command.textContent = `space.SetPicks(${JSON.stringify(page.name)}, ${seeds.join(", ")})`;
  byId("command").hidden = !seeds.length;
  byId("command").replaceChildren("In the notebook: ", command);
}

// showSelection lists the selected points as pictures.
function showSelection() {
  const chosen = points().filter((p) => selected.has(key(p)));
  byId("selected").textContent = chosen.length ? `${chosen.length} ${chosen.length === 1 ? "point" : "points"} selected` : "Nothing selected";
  byId("unselect").disabled = !chosen.length;
  byId("zoom").disabled = !chosen.length;
  byId("strip").replaceChildren(...chosen.map((point) => {
    const thumb = document.createElement(point.seed ? "button" : "div");
    thumb.className = "thumb";
    thumb.title = point.label;
    if (point.seed) {
      thumb.type = "button";
      thumb.dataset.seed = point.seed;
      thumb.addEventListener("click", () => toggle(point));
    } else thumb.setAttribute("role", "img");
    thumb.setAttribute("aria-label", point.label);
    thumb.addEventListener("pointerenter", () => show(point));
    thumb.addEventListener("focus", () => show(point));
    const isStar = point === star?.point && star.picture;
    paint(thumb, isStar ? star.picture : data.sheet, isStar ? 0 : point.tile, 56);
    return thumb;
  }));
  render();
}

// Pointer: near a point shows it, a drag selects, a click picks.
const at = (event) => {
  const box = svg.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
let drag = null;
const brushes = () => byId("brush").getAttribute("aria-pressed") === "true";
svg.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  const [x, y] = at(event);
  drag = { x, y, box: null };
  svg.setPointerCapture(event.pointerId);
});
svg.addEventListener("pointermove", (event) => {
  const [x, y] = at(event);
  if (drag && brushes() && (drag.box || Math.hypot(x - drag.x, y - drag.y) > 5)) {
    drag.box ??= make(svg, "rect", { class: "box" });
    drag.to = [x, y];
    drag.box.setAttribute("x", Math.min(x, drag.x));
    drag.box.setAttribute("y", Math.min(y, drag.y));
    drag.box.setAttribute("width", Math.abs(x - drag.x));
    drag.box.setAttribute("height", Math.abs(y - drag.y));
    return;
  }
  const near = nearest(marks, x, y, 14);
  if (near && near.point !== shown) show(near.point);
});
svg.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { box, x, y, to } = drag;
  drag = null;
  if (box) {
    box.remove();
    const inside = (v, a, b) => v >= Math.min(a, b) && v <= Math.max(a, b);
    if (!event.shiftKey) selected.clear();
    for (const m of marks) if (inside(m.x, x, to[0]) && inside(m.y, y, to[1])) selected.add(key(m.point));
    return showSelection();
  }
  const near = nearest(marks, x, y, event.pointerType === "touch" ? 22 : 14);
  if (!near) return;
  focus = key(near.point);
  near.element.focus({ preventScroll: true });
  show(near.point);
  toggle(near.point);
});
svg.addEventListener("pointercancel", () => { drag?.box?.remove(); drag = null; });

// Keys: both orders go through every point.
svg.addEventListener("keydown", (event) => {
  const mark = marks.find((m) => m.element === event.target);
  if (!mark) return;
  const go = (order) => {
    const sorted = [...marks].sort((a, b) => order(a) - order(b) || marks.indexOf(a) - marks.indexOf(b));
    const i = sorted.indexOf(mark);
    return { next: sorted[i + 1], last: sorted[i - 1], end: sorted.at(-1), start: sorted[0] };
  };
  const across = go((m) => m.x), up = go((m) => -m.y);
  const to = { ArrowRight: across.next, ArrowLeft: across.last, ArrowUp: up.next, ArrowDown: up.last, Home: across.start, End: across.end };
  if (event.key in to) to[event.key]?.element.focus();
  else if (event.key === "Enter" || event.key === " ") toggle(mark.point);
  else if (event.key.toLowerCase() === "s" && !event.ctrlKey && !event.metaKey) {
    const name = key(mark.point);
    if (!selected.delete(name)) selected.add(name);
    showSelection();
  } else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
    event.preventDefault();
    byId("undo").click();
  } else if (event.key === "Escape" && selected.size) {
    selected.clear();
    showSelection();
  }
});
byId("undo").addEventListener("click", picks.undo);
byId("clear").addEventListener("click", picks.clear);
byId("zoom").addEventListener("click", () => { zoomed = new Set(selected); byId("whole").disabled = false; draw(); });
byId("whole").addEventListener("click", () => { zoomed.clear(); byId("whole").disabled = true; draw(); });
byId("unselect").addEventListener("click", () => { selected.clear(); showSelection(); });
byId("brush").addEventListener("click", () => setBrush(!brushes()));
for (const which of ["x", "y"]) byId(which).addEventListener("change", () => { draw(); if (shown) show(shown); });
// A finger that drags must still scroll the page until it is told otherwise.
function setBrush(on) {
  byId("brush").setAttribute("aria-pressed", String(on));
  svg.classList.toggle("brushes", on);
}
setBrush(!matchMedia("(pointer: coarse)").matches);

// build fills what changes with the data only.
function build() {
  byId("title").textContent = data.title;
  byId("recipe").textContent = data.recipe;
  for (const which of ["x", "y"]) {
    const select = byId(which), before = select.value;
    select.replaceChildren(...data.axes.map((a) => new Option(a.label, a.id)));
    select.value = data.axes.some((a) => a.id === before) ? before : data[which];
  }
  byId("kinds").replaceChildren(byId("kinds").firstElementChild, ...kinds.flatMap(([kind, one, many]) => {
    const n = data.points.filter((p) => p.kind === kind).length;
    if (!n && kind !== "ensemble") return []; // the star comes with the first pick
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !hidden.has(kind);
    box.dataset.kind = kind;
    box.addEventListener("change", () => { hidden[box.checked ? "delete" : "add"](kind); draw(); });
    label.append(box);
    const glyph = make(label, "svg", { viewBox: "-11 -11 22 22", "aria-hidden": "true" });
    make(glyph, "path", { class: `point ${kind}`, d: shapes[kind] });
    label.append(n > 1 ? `${n} ${many}` : one);
    return [label];
  }));
  for (const which of ["lr", "bicubic", "hr"]) {
    byId(which).hidden = data[which] < 0;
    if (data[which] >= 0) paint(byId(which).firstElementChild, data.sheet, data[which], 72);
  }
  paint(byId("mean").firstElementChild, data.sheet, 0, 72);
  byId("mean").firstElementChild.style.backgroundImage = "";
  document.body.dataset.samples = data.points.filter((p) => p.seed).length;
}

let loading = false;
async function load() {
  if (loading) return;
  loading = true;
  try {
    if (!data) say("Scoring the samples…");
    data = await picks.until(() => picks.ask("plane/SPACE/data"));
    say("");
    build();
    await moveStar();
    draw();
  } finally {
    loading = false;
  }
}

async function start() {
  new ResizeObserver(() => { draw(); if (shown) show(shown); }).observe(svg.parentElement);
  try {
    await picks.open();
    if (picks.live) {
      await load();
    } else {
      build();
      await moveStar();
    }
    showMean();
    if (!shown) show(points().find((p) => p.list === page.name) ?? data.points[0]);
  } catch (refusal) {
    byId("count").textContent = "";
    complain(refusal);
    byId("message").hidden = false;
  }
}
start();
