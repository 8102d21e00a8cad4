// Two pictures of the same place in one frame, with a divider to drag: left
// of it the one, right of it the other. Pixels are never smoothed.
import { sleep } from "./clickqueue.js";
import { byId, messages } from "./dom.js";
import { openEngine } from "./engine.js";

const page = document.body.dataset;
const own = byId("data"); // the page is a file: what it shows is in it
const view = byId("view"), divider = byId("divider"), stage = byId("stage");
const maxZoom = 64;
let data = null;
let sheet = null; // the picture of all pictures
let zoom = 1; // screen pixels for one pixel; whole numbers only
let centre = [0, 0]; // of the view, in pixels of the picture
let split = 50; // of the view's width, percent
let byHand = false; // a person chose the pictures

const { say, complain } = messages(byId("message"));
let away = false;
const engine = openEngine(page, (err) => {
  if (away !== Boolean(err)) say(err ? "The engine is gone, reconnecting…" : "");
  away = Boolean(err);
});
const fetchData = () => engine.until(() => engine.ask("compare/SPACE/data", null, 20000));
const fetchPicks = () => engine.until(() => engine.ask("gallery/SPACE/picks", null, 2500));

// take shows data; what a person chose before stays so, the mean of the picks
// also when it is of others now.
async function take(fresh) {
  const picture = new Image();
  picture.src = fresh.sheet.url;
  await picture.decode();
  const before = byHand && [chosen("left"), chosen("right")];
  [data, sheet] = [fresh, picture];
  byId("title").textContent = data.title;
  byId("recipe").textContent = data.recipe;
  const again = (old, first) => {
    const at = old ? data.pictures.findIndex((p) => (old.group === "ensembles" ? p.group === old.group : p.label === old.label)) : first;
    return at < 0 ? first : at;
  };
  fill(byId("left"), again(before?.[0], data.left));
  fill(byId("right"), again(before?.[1], data.right));
}

// follow takes the data anew when the picks have changed.
async function follow() {
  for (;;) {
    await sleep(2000);
    if (document.hidden) continue;
    try {
      if ((await fetchPicks()).revision === data.revision) continue;
      await take(await fetchData());
      draw();
    } catch (refusal) {
      complain(refusal);
    }
  }
}

const chosen = (which) => data.pictures[Number(byId(which).value)];

function draw() {
  if (!data) return;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [stage.clientWidth, stage.clientHeight];
  if (view.width !== Math.round(w * ratio) || view.height !== Math.round(h * ratio)) {
    view.width = Math.round(w * ratio);
    view.height = Math.round(h * ratio);
  }
  const context = view.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  context.imageSmoothingEnabled = false;
  const scale = Math.max(1, Math.round(zoom * ratio)); // whole, also on screens of other densities
  const { width, height, columns } = data.sheet;
  const x = Math.round(view.width / 2 - centre[0] * scale), y = Math.round(view.height / 2 - centre[1] * scale);
  const at = Math.round((view.width * split) / 100);
  for (const [which, from, to] of [["left", 0, at], ["right", at, view.width]]) {
    const { tile } = chosen(which);
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, view.height);
    context.clip();
    context.drawImage(sheet, (tile % columns) * width, Math.floor(tile / columns) * height, width, height, x, y, width * scale, height * scale);
    context.restore();
  }
  divider.style.left = `${split}%`;
  divider.setAttribute("aria-valuenow", Math.round(split));
  divider.setAttribute("aria-valuetext", `${Math.round(split)} % ${chosen("left").label}, ${Math.round(100 - split)} % ${chosen("right").label}`);
  view.setAttribute("aria-label", `left of the divider ${chosen("left").label}, right of it ${chosen("right").label}, ${zoom} times enlarged`);
  byId("lefttag").textContent = chosen("left").label;
  byId("righttag").textContent = chosen("right").label;
  byId("zoom").textContent = `${zoom}×`;
  byId("out").disabled = zoom <= 1;
  byId("in").disabled = zoom >= maxZoom;
  Object.assign(page, { zoom, split: Math.round(split), centre: centre.map((v) => v.toFixed(1)).join() });
}

const fitting = () => Math.max(1, Math.min(maxZoom, Math.floor(Math.min(stage.clientWidth / data.sheet.width, stage.clientHeight / data.sheet.height))));
function fit() {
  zoom = fitting();
  centre = [data.sheet.width / 2, data.sheet.height / 2];
  draw();
}

// zoomTo keeps the given place of the view, in screen pixels from its centre, where it is.
function zoomTo(to, x = 0, y = 0) {
  to = Math.max(1, Math.min(maxZoom, to));
  centre = [centre[0] + x / zoom - x / to, centre[1] + y / zoom - y / to];
  zoom = to;
  keep();
  draw();
}
const nextZoom = (sign) => zoom + sign * (zoom + (sign < 0 ? -1 : 0) >= 16 ? 4 : zoom + (sign < 0 ? -1 : 0) >= 8 ? 2 : 1);

// keep holds the picture's centre in the view.
function keep() {
  centre = [Math.max(0, Math.min(data.sheet.width, centre[0])), Math.max(0, Math.min(data.sheet.height, centre[1]))];
}
function pan(x, y) {
  centre = [centre[0] - x / zoom, centre[1] - y / zoom];
  keep();
  draw();
}
function divide(to) {
  split = Math.max(0, Math.min(100, to));
  draw();
}

let drag = null;
divider.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  drag = "divider";
  divider.setPointerCapture(event.pointerId);
});
divider.addEventListener("pointermove", (event) => {
  if (drag !== "divider") return;
  const box = stage.getBoundingClientRect();
  divide((100 * (event.clientX - box.left)) / box.width);
});
view.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  drag = [event.clientX, event.clientY];
  view.setPointerCapture(event.pointerId);
});
view.addEventListener("pointermove", (event) => {
  if (!Array.isArray(drag)) return;
  pan(event.clientX - drag[0], event.clientY - drag[1]);
  drag = [event.clientX, event.clientY];
});
for (const element of [divider, view]) for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => { drag = null; });
view.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return; // the page scrolls
  event.preventDefault();
  const box = stage.getBoundingClientRect();
  zoomTo(nextZoom(event.deltaY < 0 ? 1 : -1), event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2);
}, { passive: false });

stage.addEventListener("keydown", (event) => {
  if (!data || event.ctrlKey || event.metaKey || event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in arrows && event.target === divider) divide(split + far * (arrows[event.key][0] - arrows[event.key][1]));
  else if (event.key in arrows) pan(-16 * far * arrows[event.key][0], -16 * far * arrows[event.key][1]);
  else if (event.key === "Home") divide(0);
  else if (event.key === "End") divide(100);
  else if (event.key === "+" || event.key === "=") zoomTo(nextZoom(1));
  else if (event.key === "-") zoomTo(nextZoom(-1));
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
});
byId("in").addEventListener("click", () => zoomTo(nextZoom(1)));
byId("out").addEventListener("click", () => zoomTo(nextZoom(-1)));
byId("fit").addEventListener("click", fit);
byId("swap").addEventListener("click", () => {
  byHand = true;
  [byId("left").value, byId("right").value] = [byId("right").value, byId("left").value];
  draw();
});
for (const which of ["left", "right"]) byId(which).addEventListener("change", () => { byHand = true; draw(); });

function fill(select, chosen) {
  const groups = new Map();
  data.pictures.forEach((p, i) => {
    if (!groups.has(p.group)) {
      groups.set(p.group, document.createElement("optgroup"));
      groups.get(p.group).label = p.group;
    }
    groups.get(p.group).append(new Option(p.label, i));
  });
  select.replaceChildren(...groups.values());
  select.value = chosen;
}

async function start() {
  try {
    await take(own ? JSON.parse(own.textContent) : await fetchData());
  } catch (err) {
    return complain(err);
  }
  fit();
  if (!own) follow();
  new ResizeObserver(draw).observe(stage);
  page.ready = "yes";
}
start();
