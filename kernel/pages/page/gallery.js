// The gallery: a wall of samples, of which at most `cap` can be picked. The
// engine holds the truth: a click is shown as waiting at once, and as picked
// when the engine says that it is stored. One page of samples is on the wall,
// however many there are.
import { byId, messages } from "./dom.js";
import { openLook } from "./gallerylook.js";
import { openOrders } from "./galleryorder.js";
import { openPicks } from "./picks.js";

const page = document.body.dataset;
const pageSize = 400; // samples on the wall, and on a sheet of pictures

let data = { samples: [], width: 28, height: 28 };
let order = []; // the groups as they stand: {heading, samples}
let at = 0; // first sample on the wall
const thumbs = new Map(); // button by seed, of the wall
const tiles = new Map(); // {sheet, i} by seed, of pictures that are here
let bySeed = new Set();
let zoom = 2; // screen pixels for one pixel of a sample; whole numbers only
let lastClick = { seed: "", time: 0 };

const { say, complain: complainFor } = messages(byId("message"));
const complain = (refusal) => complainFor(refusal, 6000);

const picks = openPicks(page, null, { render, say, complain, moved: showMean, looked() {}, grown: load });
const orders = openOrders(picks, () => data.samples);
const wallOrder = () => order.flatMap((g) => g.samples);
const look = openLook({
  has: (seed) => bySeed.has(seed),
  picked: (seed) => picks.picked().seeds.includes(seed),
  toggle, undo: picks.undo, picture,
  next(seed, step) {
    const all = wallOrder();
    const i = all.findIndex((s) => s.seed === seed);
    return all[Math.min(all.length - 1, Math.max(0, i + step))]?.seed ?? seed;
  },
  closed: goTo,
});

function toggle(seed) {
  const now = Date.now();
  if (seed === lastClick.seed && now - lastClick.time < 300) return; // a double click is one click
  lastClick = { seed, time: now };
  picks.toggle(seed);
}

// render shows list and queue.
function render() {
  const list = picks.stored();
  if (!list) return;
  const { seeds, by } = picks.picked();
  const chosen = new Set(seeds), waiting = picks.waiting();
  for (const [seed, button] of thumbs) {
    button.classList.toggle("waiting", waiting.has(seed));
    button.classList.toggle("picked", chosen.has(seed) && !waiting.has(seed));
    button.setAttribute("aria-pressed", String(chosen.has(seed)));
  }
  byId("wall").classList.toggle("full", by !== "stand-in" && seeds.length >= list.cap);
  byId("count").textContent = `${seeds.length} of ${list.cap}`;
  const saved = byId("saved");
  saved.classList.toggle("waiting", picks.pending());
  if (picks.away()) saved.textContent = picks.pending() ? "picked, not stored yet" : "picked";
  else if (picks.pending()) saved.textContent = "picked, storing…";
  else if (by === "stand-in") saved.textContent = `${list.note}. Your first click replaces them.`;
  else if (by === "study") saved.textContent = list.note;
  else if (by === "notebook") saved.textContent = "picked by a notebook cell, stored";
  else saved.textContent = seeds.length ? "picked, stored" : "picked";
  byId("undo").disabled = !list.undoable && !picks.pending();
  byId("clear").disabled = !seeds.length;
  look.refresh();
}

function showMean() {
  const { seeds, revision } = picks.stored();
  byId("nomean").hidden = seeds.length > 0;
  byId("mean").hidden = seeds.length === 0;
  byId("meancaption").textContent = seeds.length ? `mean of ${seeds.length} ${seeds.length === 1 ? "pick" : "picks"}` : "mean of picks";
  if (seeds.length) byId("mean").src = picks.url("gallery/SPACE/mean.png", { v: revision });
}

// fetchTiles gets the pictures of samples that are not here, on one sheet.
async function fetchTiles(seeds) {
  const missing = seeds.filter((seed) => !tiles.has(seed)).slice(0, pageSize);
  if (!missing.length) return;
  const image = new Image();
  const blob = await picks.until(async () => {
    const response = await fetch(picks.url("gallery/SPACE/sprite.png", { seeds: missing.join() }));
    if (!response.ok) await picks.fail(response);
    return response.blob();
  });
  image.src = URL.createObjectURL(blob);
  await image.decode();
  const columns = image.naturalWidth / data.width, rows = image.naturalHeight / data.height;
  missing.forEach((seed, i) => tiles.set(seed, { image, i, columns, rows }));
}

// picture returns where the pixels of a sample or of another picture are.
async function picture(what) {
  if (bySeed.has(what)) {
    await fetchTiles([what]);
    const { image, i, columns } = tiles.get(what);
    return [image, (i % columns) * data.width, Math.floor(i / columns) * data.height, data.width, data.height];
  }
  const image = new Image();
  image.src = picks.url(`gallery/SPACE/${what}.png`, { v: picks.stored()?.revision ?? 0 });
  await image.decode();
  return [image, 0, 0, image.naturalWidth, image.naturalHeight];
}

async function showPictures() {
  const seeds = [...thumbs.keys()];
  try {
    await fetchTiles(seeds);
  } catch (refusal) {
    return complain(refusal);
  }
  if (seeds[0] !== thumbs.keys().next().value) return; // another page came meanwhile
  resize();
  byId("wall").dataset.shown = seeds.length;
  requestAnimationFrame(() => performance.mark("shown"));
}

function resize() {
  const wall = byId("wall");
  const [w, h] = [data.width * zoom, data.height * zoom];
  wall.style.setProperty("--tile", `${w}px`);
  wall.style.setProperty("--tileheight", `${h}px`);
  for (const [seed, { style }] of thumbs) {
    const tile = tiles.get(seed);
    if (!tile) continue;
    style.backgroundImage = `url("${tile.image.src}")`;
    style.backgroundSize = `${tile.columns * w}px ${tile.rows * h}px`;
    style.backgroundPosition = `${-(tile.i % tile.columns) * w}px ${-Math.floor(tile.i / tile.columns) * h}px`;
  }
}

// arrange puts a page of the samples on the wall as they are sorted.
function arrange() {
  const sorted = orders.sorted(data.samples, byId("sort").value, byId("turn").getAttribute("aria-pressed") === "true");
  order = orders.groups(sorted, byId("group").value);
  showPage();
}

function showPage() {
  const wall = byId("wall");
  const focused = document.activeElement?.dataset?.seed;
  const all = data.samples.length;
  at = Math.max(0, Math.min(at, Math.ceil(all / pageSize) * pageSize - pageSize));
  thumbs.clear();
  const parts = [];
  let from = 0; // place of a group's first sample
  for (const { heading, samples } of order) {
    const here = samples.slice(Math.max(0, at - from), Math.max(0, at + pageSize - from));
    if (heading && here.length) {
      const title = document.createElement("h2");
      title.textContent = heading + (from < at ? " (continued)" : "");
      parts.push(title);
    }
    const box = document.createElement("div");
    box.className = "group";
    box.append(...here.map(thumbOf));
    if (here.length) parts.push(box);
    from += samples.length;
  }
  wall.replaceChildren(...parts);
  delete wall.dataset.shown;
  byId("pages").hidden = all <= pageSize;
  byId("range").textContent = `${at + 1} to ${Math.min(all, at + pageSize)} of ${all}`;
  byId("earlier").disabled = at === 0;
  byId("later").disabled = at + pageSize >= all;
  const first = thumbs.get(focused) ?? thumbs.values().next().value;
  if (first) first.tabIndex = 0;
  if (focused) first?.focus();
  resize();
  showPictures();
  render();
}

function thumbOf({ seed, address }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "thumb";
  button.tabIndex = -1;
  button.dataset.seed = seed;
  const known = [...new Set([byId("sort").value, byId("group").value, byId("badges").checked ? "reading" : ""])].map((id) => orders.told(seed, id)).filter(Boolean);
  button.title = [address, ...known].join("\n");
  button.setAttribute("aria-label", address);
  const reading = byId("badges").checked ? orders.reading(seed) : undefined;
  if (reading !== undefined) {
    const mark = document.createElement("i");
    mark.textContent = reading;
    button.append(mark);
  }
  thumbs.set(seed, button);
  return button;
}

// choose asks the engine for what the samples are to be sorted, grouped or
// marked by, and says how far it is.
let choosing = 0;
async function choose() {
  const mine = ++choosing;
  const wanted = [byId("sort"), byId("group")].map((select) => [select.value, () => { select.value = ""; }]);
  if (byId("badges").checked) wanted.push(["reading", () => { byId("badges").checked = false; }]);
  for (const [id, giveUp] of wanted) {
    if (id === "" || id === "number") continue;
    byId("workingtext").textContent = "Asking the engine…";
    byId("workingbar").removeAttribute("value");
    byId("working").hidden = false;
    try {
      await orders.need(id, data.samples.length, ({ done, total, note, eta }) => {
        byId("workingtext").textContent = `${note}: ${done} of ${total}${eta > 1 ? `, ${Math.ceil(eta)} s left` : ""}`;
        if (total) [byId("workingbar").max, byId("workingbar").value] = [total, done];
      });
    } catch (refusal) {
      if (mine !== choosing) return;
      giveUp();
      if (!refusal.stopped) complain(refusal);
    }
    if (mine !== choosing) return;
  }
  byId("working").hidden = true;
  at = 0;
  arrange();
}

async function listOrders() {
  try {
    const axes = await orders.list();
    for (const id of ["sort", "group"]) {
      const select = byId(id);
      const have = new Set([...select.options].map((o) => o.value));
      select.append(...axes.filter((axis) => !have.has(axis.id)).map((axis) => new Option(axis.label, axis.id)));
    }
  } catch (refusal) {
    complain(refusal);
  }
}

// goTo stands on a sample, turning to its page.
function goTo(seed) {
  const place = wallOrder().findIndex((s) => s.seed === seed);
  if (place < 0) return;
  if (!thumbs.has(seed)) { at = Math.floor(place / pageSize) * pageSize; showPage(); }
  for (const button of thumbs.values()) button.tabIndex = -1;
  thumbs.get(seed).tabIndex = 0;
  thumbs.get(seed).focus();
}

function turn(step) { at += step * pageSize; showPage(); window.scrollTo(0, 0); }

// Arrow keys move over the wall as it is laid out, also across groups.
function move(button, key) {
  const all = [...thumbs.values()];
  const from = all.indexOf(button);
  const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: all.length - 1 }[key] ?? rowAway(all, from, key === "ArrowDown" ? 1 : -1);
  const next = wallOrder()[at + to]; // also on the page before or after
  if (next) goTo(next.seed);
}

function rowAway(all, from, sign) {
  const here = all[from].getBoundingClientRect();
  let row = null, to = from;
  for (let i = from + sign; all[i]; i += sign) {
    const there = all[i].getBoundingClientRect();
    if (Math.abs(there.top - here.top) < 1) continue;
    if (row !== null && Math.abs(there.top - row) > 1) break;
    row = there.top;
    to = i;
    if (sign > 0 ? there.left >= here.left - 1 : there.left <= here.left + 1) break;
  }
  return to;
}

const lookAtHand = () => { const hand = byId("wall").querySelector('.thumb[tabindex="0"]'); if (hand) look.open(hand.dataset.seed); };
byId("wall").addEventListener("click", (event) => {
  const button = event.target.closest(".thumb");
  if (!button) return;
  for (const other of thumbs.values()) other.tabIndex = -1;
  button.tabIndex = 0;
  toggle(button.dataset.seed);
});
document.addEventListener("keydown", (event) => {
  if (byId("closely").open && !((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z")) return;
  if (event.target.matches?.("select, input")) return;
  const key = event.key.toLowerCase();
  const onThumb = event.target.classList?.contains("thumb");
  if ((event.ctrlKey || event.metaKey) && key === "z" && !event.shiftKey) picks.undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (key === "u") picks.undo();
  else if (onThumb && event.key === " ") look.open(event.target.dataset.seed);
  else if (onThumb && ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) move(event.target, event.key);
  else return;
  event.preventDefault();
});
byId("undo").addEventListener("click", picks.undo);
byId("clear").addEventListener("click", picks.clear);
byId("look").addEventListener("click", lookAtHand);
byId("stop").addEventListener("click", orders.stop);
byId("earlier").addEventListener("click", () => turn(-1));
byId("later").addEventListener("click", () => turn(1));
for (const id of ["sort", "group", "badges"]) byId(id).addEventListener("change", choose);
byId("turn").addEventListener("click", ({ currentTarget: b }) => {
  b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true"));
  at = 0;
  arrange();
});
byId("zoom").value = String(zoom);
byId("zoom").addEventListener("change", (event) => { zoom = Number(event.target.value); resize(); });

// What sticks below the header must know how high it is.
const header = document.querySelector("header");
new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${header.offsetHeight}px`)).observe(header);

let loading = false;
async function load() {
  if (loading) return;
  loading = true;
  try {
    const fresh = await picks.until(() => picks.ask("gallery/SPACE/data"));
    if (fresh.samples.length === data.samples.length) return;
    data = fresh;
    bySeed = new Set(data.samples.map((s) => s.seed));
    byId("title").textContent = `${data.title}: ${data.samples.length} samples`;
    byId("recipe").textContent = data.recipe;
    if (byId("sort").value || byId("group").value || byId("badges").checked) await choose();
    else arrange();
    listOrders();
  } finally {
    loading = false;
  }
}

async function start() {
  try {
    await load();
    for (const id of ["lr", "bicubic"]) byId(id).src = picks.url(`gallery/SPACE/${id}.png`);
    await picks.open();
    render();
  } catch (refusal) {
    byId("count").textContent = "";
    say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error);
  }
}
start();
