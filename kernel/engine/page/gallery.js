// The gallery: a wall of samples, of which at most `cap` can be picked.
// The engine holds the truth. A click is shown as waiting at once, and as
// picked when the engine says that it is stored; clicks made while the engine
// is away wait in a queue and are sent when it is back.
"use strict";

(() => {
  const page = document.body.dataset;
  const byId = (id) => document.getElementById(id);
  const pollEvery = 1500; // ms; also how other tabs' picks get here
  const retryEvery = 700; // ms, while the engine is away
  const patience = 2500; // ms to wait for an answer about picks; connections to a dead engine hang

  let data = { samples: [], columns: 18, width: 28, height: 28 };
  let list = null; // the list as stored: revision, cap, by, seeds, undoable, samples
  let readings = null; // by seed, once asked for
  const queue = []; // clicks not yet stored, oldest first
  let sending = false;
  let away = false;
  let lastClick = { seed: "", time: 0 };
  const thumbs = new Map(); // button by seed
  let zoom = 2; // screen pixels for one pixel of a sample; whole numbers only

  const url = (path, query = {}) => {
    const all = new URLSearchParams({ token: page.token, name: page.name, ...query });
    return `/gallery/${encodeURIComponent(page.space)}/${path}?${all}`;
  };
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  // ask fetches JSON. It throws a refusal {status, error, hint, picks} when
  // the engine says no, and something else when no engine answers.
  async function ask(path, query, body) {
    const response = await fetch(url(path, query), {
      signal: path === "picks" ? AbortSignal.timeout(patience) : null,
      ...(body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    let answer;
    try { answer = JSON.parse(text); } catch { answer = { error: text.trim() }; }
    if (!response.ok) throw { refused: true, status: response.status, ...answer };
    return answer;
  }

  // until repeats a request while the engine is away.
  async function until(request) {
    for (;;) {
      try {
        const answer = await request();
        setAway(false);
        return answer;
      } catch (err) {
        if (err.refused) { setAway(false); throw err; }
        setAway(true);
        await sleep(retryEvery);
      }
    }
  }

  function setAway(now) {
    if (now === away) return;
    away = now;
    if (away) say("The engine is gone, reconnecting… Your clicks wait here until it is back.");
    else { say(""); showPictures(); }
    render();
  }

  let shownMessage = 0;
  function say(text, ms) {
    const box = byId("message");
    box.textContent = text;
    box.hidden = !text;
    const mine = ++shownMessage;
    if (ms) setTimeout(() => { if (mine === shownMessage) box.hidden = true; }, ms);
  }

  // picked is the list as it will be when the queue is stored.
  function picked() {
    let seeds = list ? [...list.seeds] : [];
    let by = list ? list.by : "";
    for (const click of queue) {
      if (click.action === "clear") seeds = [];
      if (click.action === "unpick") seeds = seeds.filter((s) => s !== click.seed);
      if (click.action === "pick") {
        if (by === "stand-in") { seeds = []; by = "person"; }
        if (!seeds.includes(click.seed)) seeds.push(click.seed);
      }
    }
    return { seeds, by };
  }

  function push(click) {
    queue.push(click);
    render();
    send();
  }

  async function send() {
    if (sending) return;
    sending = true;
    while (queue.length) {
      const click = queue[0];
      if (click.revision === undefined) click.revision = list.revision;
      try {
        accept(await until(() => ask("picks", {}, { ...click, cap: Number(page.cap) })));
      } catch (refusal) {
        if (refusal.picks) accept(refusal.picks);
        say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error, 6000);
      }
      queue.shift();
      render();
    }
    sending = false;
  }

  // accept takes the list as stored.
  function accept(stored) {
    const before = list;
    list = stored;
    if (list.revision === 0) list.cap = Number(page.cap); // no list yet: the first click makes it
    if (!before || before.seeds.join() !== list.seeds.join()) showMean();
    if (before && before.samples !== list.samples) load();
  }

  function toggle(seed) {
    if (!list) return;
    const now = Date.now();
    if (seed === lastClick.seed && now - lastClick.time < 300) return; // a double click is one click
    lastClick = { seed, time: now };
    const { seeds, by } = picked();
    const fromStandIn = by === "stand-in";
    if (!fromStandIn && seeds.includes(seed)) return push({ action: "unpick", seed });
    if (!fromStandIn && seeds.length >= list.cap) {
      return say(`All ${list.cap} picks are used: take one back first.`, 4000);
    }
    push({ action: "pick", seed });
  }

  // render shows list and queue.
  function render() {
    if (!list) return;
    const { seeds, by } = picked();
    const waiting = new Set(queue.map((click) => click.seed));
    for (const [seed, button] of thumbs) {
      const is = seeds.includes(seed);
      button.classList.toggle("waiting", waiting.has(seed));
      button.classList.toggle("picked", is && !waiting.has(seed));
      button.setAttribute("aria-pressed", String(is));
    }
    byId("wall").classList.toggle("full", by !== "stand-in" && seeds.length >= list.cap);
    byId("count").textContent = `${seeds.length} of ${list.cap}`;
    const saved = byId("saved");
    saved.classList.toggle("waiting", queue.length > 0);
    if (away) saved.textContent = queue.length ? "picked, not stored yet" : "picked";
    else if (queue.length) saved.textContent = "picked, storing…";
    else if (by === "stand-in") saved.textContent = `${list.note}. Your first click replaces them.`;
    else if (by === "notebook") saved.textContent = "picked by a notebook cell, stored";
    else saved.textContent = seeds.length ? "picked, stored" : "picked";
    byId("undo").disabled = !list.undoable && !queue.length;
    byId("clear").disabled = !seeds.length;
  }

  function showPictures() {
    byId("lr").src = url("lr.png");
    byId("bicubic").src = url("bicubic.png");
    if (list) showMean();
  }

  function showMean() {
    const n = list.seeds.length;
    byId("nomean").hidden = n > 0;
    byId("mean").hidden = n === 0;
    byId("meancaption").textContent = n ? `mean of ${n} ${n === 1 ? "pick" : "picks"}` : "mean of picks";
    if (n) byId("mean").src = url("mean.png", { v: list.revision });
  }

  // The sheet of all samples is fetched once and shown by every thumbnail.
  let sheet = "";
  async function showSprite() {
    const n = data.samples.length;
    try {
      const blob = await until(async () => {
        const response = await fetch(url("sprite.png", { n }));
        if (!response.ok) throw { refused: true, ...(await response.json()) };
        return response.blob();
      });
      if (n !== data.samples.length) return; // more samples came meanwhile, with a sheet of their own
      if (sheet) URL.revokeObjectURL(sheet);
      sheet = URL.createObjectURL(blob);
      for (const button of thumbs.values()) button.style.backgroundImage = `url("${sheet}")`;
      byId("wall").dataset.shown = n;
    } catch (refusal) {
      say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error);
    }
  }

  // build makes the thumbnails; group makes the order they stand in.
  function build() {
    thumbs.clear();
    for (const sample of data.samples) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "thumb";
      button.tabIndex = -1;
      button.title = sample.address;
      button.setAttribute("aria-label", sample.address);
      button.setAttribute("aria-pressed", "false");
      button.dataset.seed = sample.seed;
      thumbs.set(sample.seed, button);
    }
    byId("title").textContent = `${data.title}: ${data.samples.length} samples`;
    byId("recipe").textContent = data.recipe;
    resize();
    arrange();
    showSprite();
    render();
  }

  function resize() {
    const wall = byId("wall");
    const [w, h] = [data.width * zoom, data.height * zoom];
    wall.style.setProperty("--tile", `${w}px`);
    wall.style.setProperty("--tileheight", `${h}px`);
    const rows = Math.ceil(data.samples.length / data.columns);
    data.samples.forEach((sample, i) => {
      const style = thumbs.get(sample.seed).style;
      style.backgroundSize = `${data.columns * w}px ${rows * h}px`;
      style.backgroundPosition = `${-(i % data.columns) * w}px ${-Math.floor(i / data.columns) * h}px`;
    });
  }

  // arrange puts the thumbnails on the wall, by reading if that is asked for.
  function arrange() {
    const wall = byId("wall");
    const focused = document.activeElement?.dataset?.seed;
    const grouped = readings && byId("badges").checked && byId("groups").checked;
    const groups = new Map();
    for (const sample of data.samples) {
      const reading = readings?.[sample.seed];
      const key = grouped && reading ? reading.digit : "";
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(thumbs.get(sample.seed));
    }
    const order = [...groups].sort((a, b) => b[1].length - a[1].length);
    wall.replaceChildren(...order.flatMap(([digit, buttons]) => {
      const box = document.createElement("div");
      box.className = "group";
      box.append(...buttons);
      if (!grouped || digit === "") return [box];
      const heading = document.createElement("h2");
      heading.textContent = `${buttons.length} of ${data.samples.length} samples are read as ${digit}`;
      return [heading, box];
    }));
    const first = thumbs.get(focused) ?? wall.querySelector(".thumb");
    for (const button of thumbs.values()) button.tabIndex = button === first ? 0 : -1;
    if (focused) first?.focus();
  }

  function badge() {
    const on = readings && byId("badges").checked;
    for (const [seed, button] of thumbs) {
      button.replaceChildren();
      const reading = readings?.[seed];
      const address = button.title.split("\n")[0];
      button.title = address;
      if (!on || !reading) continue;
      const mark = document.createElement("i");
      mark.textContent = reading.digit;
      button.append(mark);
      button.title = `${address}\nread as ${reading.digit} (probability ${reading.probability.toFixed(2)})`;
    }
    byId("groupslabel").hidden = !on;
    arrange();
  }

  async function askReadings() {
    if (byId("badges").checked && (!readings || Object.keys(readings).length < data.samples.length)) {
      say("The reader is reading the samples…");
      try {
        readings = (await until(() => ask("readings"))).readings;
        say("");
      } catch (refusal) {
        byId("badges").checked = false;
        say(refusal.error, 6000);
      }
    }
    badge();
  }

  // Arrow keys move over the wall as it is laid out, also across groups.
  function move(button, key) {
    const all = [...byId("wall").querySelectorAll(".thumb")];
    const at = all.indexOf(button);
    let to = null;
    if (key === "ArrowRight") to = all[at + 1];
    if (key === "ArrowLeft") to = all[at - 1];
    if (key === "Home") to = all[0];
    if (key === "End") to = all[all.length - 1];
    if (key === "ArrowDown" || key === "ArrowUp") {
      const sign = key === "ArrowDown" ? 1 : -1;
      const here = button.getBoundingClientRect();
      let row = null;
      for (let i = at + sign; all[i]; i += sign) {
        const there = all[i].getBoundingClientRect();
        if (Math.abs(there.top - here.top) < 1) continue;
        if (row !== null && Math.abs(there.top - row) > 1) break;
        row = there.top;
        to = all[i];
        if (sign > 0 ? there.left >= here.left - 1 : there.left <= here.left + 1) break;
      }
    }
    if (!to) return;
    button.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  }

  byId("wall").addEventListener("click", (event) => {
    const button = event.target.closest(".thumb");
    if (!button) return;
    for (const other of thumbs.values()) other.tabIndex = -1;
    button.tabIndex = 0;
    toggle(button.dataset.seed);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      byId("undo").click();
      return;
    }
    if (!event.target.classList?.contains("thumb")) return;
    if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      move(event.target, event.key);
    }
  });
  byId("undo").addEventListener("click", () => { if (list && !byId("undo").disabled) push({ action: "undo" }); });
  byId("clear").addEventListener("click", () => push({ action: "clear" }));
  byId("badges").addEventListener("change", askReadings);
  byId("groups").addEventListener("change", arrange);
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
      const fresh = await until(() => ask("data"));
      if (fresh.samples.length !== thumbs.size) {
        data = fresh;
        build();
        if (byId("badges").checked) askReadings();
      }
    } finally {
      loading = false;
    }
  }

  async function poll() {
    for (;;) {
      await sleep(pollEvery);
      if (document.hidden || sending) continue;
      try {
        const stored = await until(() => ask("picks"));
        if (sending || queue.length) continue; // older than what is being stored
        const changed = stored.revision !== list.revision || stored.samples !== list.samples;
        accept(stored);
        if (changed) render();
      } catch (refusal) {
        say(refusal.error, 6000);
      }
    }
  }

  async function start() {
    try {
      await load();
      accept(await until(() => ask("picks")));
      showPictures();
      render();
      poll();
    } catch (refusal) {
      byId("count").textContent = "";
      say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error);
    }
  }
  start();
})();
