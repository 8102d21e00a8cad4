// A participant's page. It shows what the server has stored and nothing else:
// every click goes to the server and shows as done when the answer comes.
import { openQueue, patiently, refuse, sleep } from "./clickqueue.js";
import { byId as $, make } from "./dom.js";

let state = null;   // as /api/state sends it
let zoom = null;    // device pixels a pixel, where there is room; null until a trial sets it
let focus = 0;      // position the arrow keys are at
let tiles = [];     // the buttons of the images, by position
let joinedAnew = false;
let sheets = [];    // the pictures that have come, many images each
const queue = openQueue({ send: c => ask("api/click", c), stored: (_, answer) => answered(answer), refused: (_, err) => { throw err; }, changed: () => draw() });

const paragraphs = text => (text || "").trim().split(/\n\s*\n/).filter(Boolean).map(t => make("p", {}, t.trim()));

function alarm(text) { $("message").textContent = text; $("message").hidden = !text; }
function say(text) { $("live").textContent = text; }

async function call(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  const answer = await fetch(path, options);
  const data = await answer.json();
  return { status: answer.status, data };
}

// ask asks until the server answers, and says when it does not.
function ask(path, body) {
  return patiently(async () => {
    const { status, data } = await call(path, body);
    if (status === 429) throw Object.assign(new Error("busy"), { busy: true });
    if (status >= 500) throw Object.assign(new Error("trouble"), { trouble: data.error });
    return { status, data };
  }, { first: 500, longest: 5000, away: err => alarm(!err ? "" : err.busy ? "Many people ask at this moment; waiting …"
    : `${err.trouble ? sentence(err.trouble) : "No connection to the study."} What you see is stored up to your last confirmed click; trying again …`) });
}

const sentence = text => text[0].toUpperCase() + text.slice(1) + ".";

// askSeat lets a person type the code of a seat.
function askSeat(error) {
  const box = make("input", { type: "text", id: "seat", autocomplete: "off", autocapitalize: "characters", maxlength: 20, "aria-describedby": "seathelp" });
  const form = make("form", { onsubmit: e => { e.preventDefault(); if (box.value.trim()) start(box.value.trim()); } },
    make("h2", {}, "Your seat code"), make("p", { id: "seathelp" }, "Type the code that you were given. It is good for one person."),
    make("p", {}, make("label", { for: "seat" }, "Seat code "), box), make("p", {}, make("button", { class: "go", type: "submit" }, "Go on")));
  $("main").className = "text";
  $("main").removeAttribute("aria-busy");
  $("main").replaceChildren(form);
  alarm(error ? sentence(error) : "");
  box.focus();
}

async function start(given) {
  const room = new URLSearchParams(location.search).get("room") || "";
  const seat = given || new URLSearchParams(location.search).get("seat") || "";
  const joined = await ask("api/join", { room, seat, pixel_ratio: window.devicePixelRatio || 1, query: location.search.slice(0, 2000) });
  if (joined.data.seat) { askSeat(seat ? joined.data.error : ""); return; }
  if (joined.status !== 200) { end(joined.data.error); return; }
  const { status, data } = await ask("api/state");
  if (status === 200) show(data);
  else if (status === 401) end("This page needs a cookie to know which answers are yours, and the browser did not keep it. Allow cookies for this address, or leave the private mode, and load the page again. The cookie is deleted after 30 days and goes to nobody else.", "Cookies are off");
  else end(data.error);
}

// unknown is a browser that the study does not know: whoever took very long
// to agree joins anew.
async function unknown(error) {
  queue.drop();
  if (joinedAnew || !new URLSearchParams(location.search).get("room")) { end(error); return; }
  joinedAnew = true;
  state = null;
  await start();
}

function end(text, heading) {
  $("main").replaceChildren(...(heading ? [make("h2", {}, heading)] : []), make("p", {}, text));
  $("where").textContent = "";
  $("main").className = "text";
  $("main").removeAttribute("aria-busy");
  $("foot").hidden = true;
}

// click queues a change; changes are sent one after the other.
function click(op, more) { queue.push({ op, step: state.step, position: -1, value: "", number: 0, ...more }); }

// answered takes what the server says to a click.
async function answered({ status, data }) {
  if (status === 200) { show(data); return; }
  if (status === 401) { await unknown(data.error); return; }
  if (status === 410) { queue.drop(); show({ ...state, ...data.state, closed: true }); return; }
  if (data.error === "the pictures are not all there yet" && state.task) { // they are asked for again
    const step = state.step;
    sheets.forEach(s => s.close());
    sheets = [];
    queue.drop();
    sleep(1000).then(() => { if (state && state.step === step) load(step); });
    return;
  }
  const late = data.error === "the page is out of date";
  if (data.state) {
    // What was meant for a page that is gone is dropped: it was stored, and
    // the answer lost on its way, or another tab went on.
    queue.keep(c => c.step === data.state.step);
    show(data.state);
    if (!state.task && !queue.length) build(); // its button works again
  }
  if (!late) alarm(sentence(data.error));
}

function show(next) {
  const moved = !state || state.step !== next.step;
  const closing = next.closed && next.phase !== "thanks" && !(state && state.closed && !moved);
  state = next;
  if (closing) {
    queue.drop();
    document.title = state.title;
    $("title").textContent = state.title;
    end("It takes no more answers. What you handed in is stored; you may close this page.", "The study is closed");
    say("The study is closed.");
  }
  if (closed()) return;
  if (moved) { zoom = null; focus = 0; build(); window.scrollTo(0, 0); $("main").focus({ preventScroll: true }); }
  draw();
}

function closed() { return !!state && state.closed && state.phase !== "thanks"; }

// build lays out a step.
function build() {
  const main = $("main"), s = state, t = s.task;
  document.title = s.title;
  $("title").textContent = s.title;
  $("where").textContent = s.phase === "training" ? "Training" : s.phase === "trial" ? `${s.trial} of ${s.trials}` : "";
  main.className = t ? "" : "text";
  main.removeAttribute("aria-busy");
  $("foot").hidden = !t;
  if (!t) {
    const content = paragraphs(s.text);
    if (s.phase === "consent") content.push(make("button", { class: "go", type: "button", id: "next", onclick: e => once(e, "agree") }, "I agree and take part"));
    if (s.phase === "instructions") content.push(make("button", { class: "go", type: "button", id: "next", onclick: e => once(e, "start") }, "Start"));
    if (s.phase === "thanks") content.unshift(make("h2", {}, "Thank you"), make("p", {}, "Your answers are stored. Your completion code:"), make("p", { class: "code", id: "code" }, s.code));
    if (s.phase === "instructions") content.push(make("p", {}, "Your code is ", make("strong", {}, s.code), ". Keep it if you may want your answers deleted later."));
    if (s.phase === "thanks") content.push(make("p", {}, make("button", { type: "button", id: "withdraw", onclick: e => { if (e.detail < 2) withdraw(); } }, "Delete my answers")));
    if (s.onward) {
      content.splice(3, 0, make("p", {}, make("a", { class: "go", id: "onward", href: s.onward, rel: "noreferrer" }, "Finish"), " You are taken there in a few seconds."));
      setTimeout(() => { if (state && state.onward && !leaving) location.assign(state.onward); }, 8000);
    }
    if (s.next) {
      content.push(make("p", {}, make("button", { class: "go", type: "button", id: "nextperson", onclick: e => { if (e.detail < 2) nextPerson(e.target); } }, "Next participant")));
      if (s.next.seconds) {
        content.push(make("p", { id: "countdown", role: "timer" }));
        countDown(s.next.seconds);
      }
    }
    const heading = { consent: "Consent", instructions: "Instructions" }[s.phase];
    main.replaceChildren(...(heading ? [make("h2", {}, heading)] : []), ...content);
    return;
  }
  const parts = [];
  if (s.phase === "training") parts.push(make("p", { class: "banner" }, "This is for practice and does not count."));
  parts.push(make("h2", { id: "question" }, t.question));
  parts.push(make("div", { class: "tools", role: "group", "aria-label": "Size of the images" },
    make("span", {}, "Size"),
    make("button", { type: "button", "aria-label": "Smaller", onclick: () => resize(-1) }, "−"),
    make("button", { type: "button", "aria-label": "Larger", onclick: () => resize(1) }, "+"),
    make("span", { id: "shrunk", hidden: true }),
    make("span", { class: "keys" }, "Keys: ", make("kbd", {}, "arrows"), " move, ", make("kbd", {}, "Enter"), " picks, ", make("kbd", {}, "u"), " undoes",
      ...(t.reading === "digit" ? [", ", make("kbd", {}, "0–9"), " say what you read"] : [", ", make("kbd", {}, "1–9"), " pick the first nine"]))));
  const grid = make("div", { class: "samples", id: "samples", role: "group", "aria-labelledby": "question", onkeydown: arrows });
  tiles = [];
  for (let i = 0; i < t.samples; i++) {
    tiles.push(make("button", { class: "sample", type: "button", "aria-pressed": "false", "aria-label": `Image ${i + 1}`, tabindex: i ? -1 : 0,
      onclick: e => { if (e.detail < 2) toggle(i); }, onfocus: () => rove(i) }, make("canvas", { width: t.width, height: t.height })));
    grid.append(make("div", { class: "cell" }, tiles[i],
      make("button", { class: "open", type: "button", tabindex: i ? -1 : 0, "aria-label": `Image ${i + 1} in full size`, onclick: () => full(i) }, "⤢")));
  }
  parts.push(grid);
  if (t.allow_none) parts.push(make("p", {}, make("button", { type: "button", id: "none", "aria-pressed": "false",
    onclick: e => { if (e.detail < 2) click("none", { number: state.answer.none ? 0 : 1 }); } }, "None of these")));
  if (t.reading !== "none") {
    const field = make("fieldset", { id: "reading" }, make("legend", {}, t.reading_question + (t.reading_optional ? " (optional)" : "")));
    if (t.reading === "digit") {
      const row = make("div", { class: "choices" });
      for (let d = 0; d < 10; d++) row.append(make("button", { type: "button", "aria-pressed": "false", "data-value": d, onclick: e => { if (e.detail < 2) read(String(d)); } }, String(d)));
      field.append(row);
    } else {
      field.append(make("input", { type: "text", id: "text", maxlength: 60, autocomplete: "off", "aria-label": t.reading_question, oninput: () => draw(), onchange: keepText }));
    }
    parts.push(field);
  }
  if (t.confidence) {
    const field = make("fieldset", { id: "confidence" }, make("legend", {}, `How sure are you? 1 is not at all, ${t.confidence} is certain`));
    const row = make("div", { class: "choices" });
    for (let c = 1; c <= t.confidence; c++) row.append(make("button", { type: "button", "aria-pressed": "false", "data-value": c, onclick: e => { if (e.detail < 2) click("confidence", { number: c }); } }, String(c)));
    field.append(row);
    parts.push(field);
  }
  main.replaceChildren(...parts);
  if (zoom === null) {
    const whole = Math.max(1, Math.round(ratio())); // a pixel of a page
    zoom = Math.max(whole, Math.floor(64 * ratio() / t.width));
  }
  sheets.forEach(s => s.close());
  sheets = [];
  load(s.step);
  place();
}

// load gets the pictures of a trial, a few at a time.
async function load(step) {
  let k = 0;
  const one = async () => { while (state && state.step === step && k < state.task.sheets) await fetchSheet(step, k++); };
  await Promise.all([one(), one(), one(), one()]);
}

let leaving = false; // the person does something else than to go on

// withdraw deletes all that this person answered.
async function withdraw() {
  leaving = true;
  if (!confirm("Delete all your answers for good?")) { leaving = false; return; }
  const { status, data } = await ask("api/withdraw", { code: state.code });
  if (status !== 200) { alarm(sentence(data.error)); return; }
  state = null;
  end("All that you answered is deleted. You may close this page.", "Deleted");
}

// nextPerson has the browser forget who took part, so that another may.
async function nextPerson(button) {
  if (button) button.disabled = true;
  const { status, data } = await ask("api/next", {});
  if (status === 200 || status === 401) location.reload();
  else { alarm(sentence(data.error)); if (button) button.disabled = false; }
}

function countDown(seconds) {
  const tick = () => {
    if (!$("countdown")) return;
    $("countdown").textContent = `The page is ready for the next person in ${seconds} s.`;
    if (seconds-- <= 0) nextPerson($("nextperson")); else setTimeout(tick, 1000);
  };
  tick();
}

// here reports whether all pictures are on the page; ready, whether the server
// knows, so that one can choose.
function here() { return !!state.task && tiles.length > 0 && sheets.filter(Boolean).length === state.task.sheets; }
function ready() { return here() && state.answer.drawn; }

// arrived tells the server, once they are painted, that all pictures are on the
// page: the time of the trial starts then.
function arrived(step) {
  if (!here()) { draw(); return; }
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (!state || state.step !== step || !here()) return;
    if (state.answer.drawn || queue.waiting().some(c => c.op === "drawn")) draw(); else click("drawn");
  }));
}

// fetchSheet gets pictures, however often the connection breaks, until a tab
// has gone on.
async function fetchSheet(step, k) {
  let picture;
  try {
    picture = await patiently(async () => {
      if (!state || state.step !== step) throw refuse({ error: "another step" });
      const answer = await fetch(`sheet/${step}/${k}.png`);
      if (answer.status === 409) throw refuse({ error: "another tab has gone on" });
      if (!answer.ok) throw new Error("no picture");
      return createImageBitmap(await answer.blob());
    }, { first: 300, longest: 5000 });
  } catch { return; }
  if (!state || state.step !== step || closed()) { picture.close(); return; }
  sheets[k] = picture;
  const per = state.task.columns * state.task.columns;
  for (let i = k * per; i < Math.min((k + 1) * per, tiles.length); i++) cut(tiles[i].firstChild, i);
  place();
  arrived(step);
}

function once(e, op) {
  if (e.detail > 1) return;
  e.target.disabled = true;
  click(op);
}

// Sizes are whole device pixels, so that every pixel of an image is as wide as
// the next on any screen. css makes them lengths; the hundredth keeps rounding
// from losing one.
function ratio() { return window.devicePixelRatio || 1; }
function css(device) { return (device + 0.01) / ratio() + "px"; }

// widest is how many device pixels a pixel may have; 0 where an image is wider
// than the page.
function widest() { return Math.min(32, Math.floor($("samples").clientWidth * ratio() / state.task.width)); }

// scale is device pixels a pixel: whole but where an image has to shrink.
function scale() { return Math.min(zoom, widest()) || Math.floor($("samples").clientWidth * ratio()) / state.task.width; }

// cut copies image i, if it has come, out of its sheet onto a canvas.
function cut(canvas, i) {
  const t = state.task, per = t.columns * t.columns, at = i % per, sheet = sheets[Math.floor(i / per)];
  if (!sheet) return;
  canvas.getContext("2d").drawImage(sheet, -(at % t.columns) * t.width, -Math.floor(at / t.columns) * t.height);
  canvas.dataset.drawn = "";
}

// place shows the images in their size.
function place() {
  const t = state.task, grid = $("samples"), now = scale(), part = now / ratio();
  grid.setAttribute("aria-busy", sheets.filter(Boolean).length < t.sheets);
  grid.classList.toggle("shrunk", part < 1);
  grid.classList.toggle("smooth", now < 1);
  $("shrunk").hidden = part >= 1;
  $("shrunk").textContent = `Shown at ${Math.round(100 * part)} % of their size; ⤢ opens one in full.`;
  document.documentElement.style.setProperty("--w", css(Math.round(t.width * now)));
  document.documentElement.style.setProperty("--h", css(Math.round(t.height * now)));
}

function resize(by) {
  zoom = Math.max(1, Math.min(Math.min(zoom, widest()) + by, widest()));
  place();
}

// full shows one image in full size, to be moved about where it is wider than
// the page.
function full(i) {
  const t = state.task, whole = Math.max(1, Math.round(ratio()));
  const picture = make("canvas", { class: "picture", role: "img", "aria-label": `Image ${i + 1}`, width: t.width, height: t.height });
  picture.style.width = css(t.width * whole);
  picture.style.height = css(t.height * whole);
  cut(picture, i);
  $("picture").replaceChildren(picture);
  $("full").setAttribute("aria-label", `Image ${i + 1} in full size`);
  $("full").showModal();
}

// picks are the positions picked once all that is queued is stored.
function picks() {
  let list = [...state.answer.picks];
  for (const c of queue.waiting()) {
    if (c.op === "pick" && !list.includes(c.position)) list.push(c.position);
    if (c.op === "unpick") list = list.filter(p => p !== c.position);
    if (c.op === "none" && c.number) list = [];
  }
  return list;
}

function toggle(i) {
  if (!ready()) return;
  const now = picks();
  if (now.includes(i)) { click("unpick", { position: i }); return; }
  if (now.length >= state.task.max_picks) {
    const text = `You may pick ${state.task.max_picks}. Undo one first.`;
    alarm(text); say(text);
    return;
  }
  alarm("");
  click("pick", { position: i });
}

function undo() {
  const now = picks();
  if (now.length) click("unpick", { position: now[now.length - 1] });
}

// keepText stores what was typed, unless it is stored or on its way.
function keepText() {
  const last = queue.waiting().findLast(c => c.op === "reading");
  if ($("text").value.trim() !== (last ? last.value : state.answer.reading || "")) click("reading", { value: $("text").value.trim() });
}

function read(value) { click("reading", { value: state.answer.reading === value ? "" : value }); }

// draw marks what is stored and what is on its way.
function draw() {
  const s = state;
  if (!s || !s.task || closed()) return;
  const t = s.task, a = s.answer, stored = new Set(a.picks), coming = new Set(queue.waiting().filter(c => c.op === "pick" || c.op === "unpick").map(c => c.position));
  tiles.forEach((b, i) => {
    b.setAttribute("aria-pressed", stored.has(i));
    b.classList.toggle("waiting", coming.has(i));
  });
  if ($("none")) $("none").setAttribute("aria-pressed", !!a.none);
  for (const [id, value] of [["reading", a.reading], ["confidence", a.confidence]]) {
    if ($(id)) for (const b of $(id).querySelectorAll("button")) b.setAttribute("aria-pressed", b.dataset.value === String(value || (id === "reading" ? value : "")));
  }
  if ($("text") && document.activeElement !== $("text") && !queue.waiting().some(c => c.op === "reading")) $("text").value = a.reading || "";
  const on = ready(), typed = $("text") ? $("text").value.trim() : a.reading;
  for (const e of $("main").querySelectorAll("button.sample, button.open, #none, #reading button, #confidence button, #text")) e.disabled = !on;
  if (!on) {
    $("count").replaceChildren("The pictures are coming …", make("small", {}, `${sheets.filter(Boolean).length} of ${t.sheets} parts are here. You can choose when all are.`));
    $("undo").disabled = $("submit").disabled = true;
    say("The pictures are coming.");
    return;
  }
  const missing = [];
  if (!a.none && a.picks.length < t.min_picks) missing.push(leads(`pick ${t.min_picks - a.picks.length} more`, "samples", () => tiles[focus]));
  if (t.reading !== "none" && !t.reading_optional && !a.none && !typed) missing.push(leads("say what you read", "reading", () => $("reading").querySelector("button, input")));
  $("count").replaceChildren(a.none ? "None of these" : `${a.picks.length} of ${t.max_picks} picked`,
    make("small", {}, ...(queue.length ? ["storing …"] : missing.length ? ["Still to do: ", ...missing.flatMap((m, i) => i ? [", ", m] : [m])] : ["Stored. You can hand in."])));
  $("undo").disabled = !picks().length;
  $("submit").disabled = missing.length > 0 || queue.waiting().some(c => c.op === "submit");
  say(a.none ? "None of these" : `${a.picks.length} of ${t.max_picks} picked`);
}

// leads is a link to the place of the page where something is left to do.
function leads(text, id, target) {
  return make("a", { href: "#" + id, onclick: e => { e.preventDefault(); $(id).scrollIntoView({ block: "nearest" }); target().focus(); } }, text);
}

function rove(i) {
  for (const [at, tab] of [[focus, -1], [i, 0]]) {
    if (tiles[at]) for (const b of tiles[at].parentElement.children) b.setAttribute("tabindex", tab);
  }
  focus = i;
}

function arrows(e) {
  const n = tiles.length, top = tiles[0].parentElement.offsetTop;
  let across = tiles.findIndex(b => b.parentElement.offsetTop > top);
  if (across < 0) across = n;
  const to = { ArrowRight: focus + 1, ArrowLeft: focus - 1, ArrowDown: focus + across, ArrowUp: focus - across, Home: 0, End: n - 1 }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  if (to >= 0 && to < n) tiles[to].focus();
}

// A held Enter would press its button at the keyboard's rate.
document.addEventListener("keydown", e => { if (e.repeat && e.key === "Enter" && e.target.tagName !== "INPUT") e.preventDefault(); }, true);

document.addEventListener("keydown", e => {
  if (!state || !state.task || closed() || $("full").open || e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === "INPUT" || e.repeat) return;
  if (!ready()) return;
  if (e.key === "u") undo();
  else if (/^[0-9]$/.test(e.key)) {
    if (state.task.reading === "digit") read(e.key);
    else if (e.key !== "0" && +e.key <= state.task.samples) toggle(+e.key - 1);
  }
});
$("close").addEventListener("click", () => $("full").close());
$("undo").addEventListener("click", e => { if (e.detail < 2) undo(); });
$("submit").addEventListener("click", e => {
  if (e.detail > 1 || queue.waiting().some(c => c.op === "submit")) return;
  if ($("text")) keepText();
  click("submit");
});
window.addEventListener("resize", () => { if (state && state.task && !closed()) place(); });
// Another tab may have gone on.
document.addEventListener("visibilitychange", async () => {
  if (document.visibilityState === "visible" && state && !queue.length) {
    const { status, data } = await ask("api/state");
    if (status === 200) show(data);
    if (status === 401) unknown(data.error);
  }
});
start();
