// The linked plane: every image of an SR space as a point, by any two of its
// numbers. Point at one to see it, drag to select, click a sample to pick it.
//
// In the notebook the picks are the gallery's: the engine stores each click
// before the page shows it as picked, and scores the mean of the picks anew,
// whose star moves. In a file of its own the picks live as long as the page.
"use strict";

(() => {
  const page = document.body.dataset;
  const byId = (id) => document.getElementById(id);
  const own = byId("data"); // the page is a file: what it shows is in it
  const query = new URLSearchParams(page.query);
  const retryEvery = 700; // ms, while the engine is away
  const lookEvery = 500; // ms between looks at picks made elsewhere
  const patience = 2500; // ms to wait for an answer about picks; connections to a dead engine hang
  const kinds = [ // in the order drawn; [name, one, many]
    ["control", "control (nobody chose)", "controls (nobody chose)"],
    ["sample", "sample", "samples"],
    ["method", "other method", "other methods"],
    ["single", "one random sample", "random samples"],
    ["ensemble", "mean of picks", "means of picks"],
  ];

  let data = null;
  let star = null; // the mean of the picks: {point, picture}
  let list = null; // the list as stored
  const queue = []; // clicks not yet stored, oldest first
  let sending = false;
  let away = false;
  let live = !own;
  const hidden = new Set(); // kinds not shown
  const selected = new Set(); // keys of points
  let zoomed = new Set(); // keys of the points that the axes span; none for all
  let marks = []; // {point, x, y, element} of the points drawn
  let shown = null; // point in the panel
  let focus = null; // the point that Tab reaches

  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  // Addresses are relative to the page: a proxy may serve it below a prefix.
  const url = (path, more = {}) => {
    const all = new URLSearchParams(query);
    all.set("name", page.name);
    for (const [key, value] of Object.entries(more)) all.set(key, value);
    return `../${path.replace("SPACE", encodeURIComponent(page.space))}?${all}`;
  };

  // ask fetches JSON. It throws a refusal {status, error, hint, picks} when
  // the engine says no, and something else when no engine answers.
  async function ask(path, body, wait) {
    const response = await fetch(url(path), {
      signal: wait ? AbortSignal.timeout(wait) : null,
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
    say(away ? "The engine is gone, reconnecting… Your clicks wait here until it is back." : "");
    render();
  }

  let messages = 0;
  function say(text, ms) {
    const box = byId("message");
    box.textContent = text;
    box.hidden = !text;
    const mine = ++messages;
    if (ms) setTimeout(() => { if (mine === messages) box.hidden = true; }, ms);
  }
  const complain = (refusal) => say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error ?? String(refusal), 6000);

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
    if (!live) return change(click);
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
        accept(await until(() => ask("gallery/SPACE/picks", { ...click, cap: data.cap }, patience)));
      } catch (refusal) {
        if (refusal.picks) accept(refusal.picks);
        complain(refusal);
      }
      queue.shift();
      render();
    }
    sending = false;
  }

  // change is what the engine does, in a file that has none.
  const undone = [];
  function change(click) {
    if (click.action === "undo") {
      if (undone.length) list = { ...list, ...undone.pop() };
    } else {
      undone.push({ seeds: list.seeds, by: list.by, note: list.note });
      queue.push(click);
      const { seeds } = picked();
      queue.pop();
      list = { ...list, seeds, by: seeds.length ? "person" : "" };
    }
    list.undoable = undone.length > 0;
    moveStar();
    render();
  }

  // accept takes the list as stored. It may be older than one taken before.
  function accept(stored) {
    const before = list;
    list = stored;
    if (!before || before.revision !== list.revision) moveStar();
    if (before && before.samples !== list.samples) load().catch(complain);
  }

  function toggle(point) {
    if (!point.seed || !list) return;
    const { seeds, by } = picked();
    const standIn = by === "stand-in";
    if (!standIn && seeds.includes(point.seed)) return push({ action: "unpick", seed: point.seed });
    if (!standIn && seeds.length >= list.cap) return say(`All ${list.cap} picks are used: take one back first.`, 4000);
    push({ action: "pick", seed: point.seed });
  }

  // moveStar asks for the mean of the picks as they are now. A file knows the
  // numbers of the mean it was saved with only; of others it shows the picture.
  let starsAsked = 0;
  let starMissed = false; // the engine went away before it answered
  async function moveStar() {
    if (!data) return;
    if (live) {
      const mine = ++starsAsked;
      try {
        const answer = await ask("plane/SPACE/star", null, 20000);
        if (mine !== starsAsked) return;
        star = answer;
      } catch (err) {
        if (err.refused) complain(err);
        else starMissed = mine === starsAsked;
        return;
      }
    } else {
      const saved = data.points.find((p) => p.list === page.name);
      const same = saved && [...saved.seeds].sort().join() === [...list.seeds].sort().join();
      star = { point: same ? saved : null, picture: list.seeds.length ? await meanPicture(list.seeds) : null };
    }
    draw();
    showMean();
    if (shown?.list === page.name && star.point) show(star.point);
  }

  // meanPicture averages tiles of the sheet, as a sheet of one.
  async function meanPicture(seeds) {
    const { width, height, columns, url } = data.sheet;
    const sheet = new Image();
    sheet.src = url;
    await sheet.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const sums = new Float64Array(4 * width * height);
    for (const point of data.points.filter((p) => seeds.includes(p.seed))) {
      context.drawImage(sheet, -(point.tile % columns) * width, -Math.floor(point.tile / columns) * height);
      context.getImageData(0, 0, width, height).data.forEach((v, i) => { sums[i] += v; });
    }
    const out = context.createImageData(width, height);
    sums.forEach((sum, i) => { out.data[i] = Math.floor(sum / seeds.length + 0.5); });
    context.putImageData(out, 0, 0);
    return { url: canvas.toDataURL(), width, height, columns: 1, tiles: 1 };
  }

  // paint shows one tile of a sheet in an element, each pixel as many whole
  // screen pixels as fit.
  function paint(element, sheet, tile, side) {
    const zoom = Math.max(1, Math.floor(side / Math.max(sheet.width, sheet.height)));
    const shrink = Math.min(1, side / Math.max(sheet.width, sheet.height));
    const [w, h] = zoom > 1 || shrink === 1 ? [sheet.width * zoom, sheet.height * zoom] : [sheet.width * shrink, sheet.height * shrink];
    const rows = Math.ceil(sheet.tiles / sheet.columns);
    element.classList.add("tile");
    Object.assign(element.style, {
      imageRendering: shrink < 1 ? "auto" : "", width: `${w}px`, height: `${h}px`, backgroundImage: `url("${sheet.url}")`, backgroundSize: `${sheet.columns * w}px ${rows * h}px`,
      backgroundPosition: `${-(tile % sheet.columns) * w}px ${-Math.floor(tile / sheet.columns) * h}px`,
    });
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

  // steps sets four to eight ticks, one, two or five units of a power of ten apart.
  function steps(low, high) {
    const rough = (high - low) / 8;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((s) => s * unit >= rough) * unit;
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const out = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) out.push([k * step, (k * step + 0).toFixed(Math.min(digits, 8))]);
    return out;
  }

  const svg = byId("plot");
  function make(name, attributes, parent = svg) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  }

  // shapes are told apart without colour.
  const shapes = {
    sample: "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",
    single: "M6.5 0A6.5 6.5 0 1 1 -6.5 0A6.5 6.5 0 1 1 6.5 0Z",
    method: "M-5 -5H5V5H-5Z",
    control: "M-3.5 0H3.5M0 -3.5V3.5",
    all: "M-7.5 0H7.5M0 -7.5V7.5", // the control that averages every sample
    ensemble: "M0 -10L2.4 -3.2L9.5 -3.1L3.8 1.2L5.9 8.1L0 4L-5.9 8.1L-3.8 1.2L-9.5 -3.1L-2.4 -3.2Z",
  };

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
      make("line", { class: "grid", x1: x.at(v), x2: x.at(v), y1: top, y2: height - bottom });
      make("text", { class: "tick", x: x.at(v), y: height - bottom + 16, "text-anchor": "middle" }).textContent = text;
    }
    for (const [v, text] of steps(y.low, y.high)) {
      make("line", { class: "grid", x1: left, x2: width - right, y1: y.at(v), y2: y.at(v) });
      make("text", { class: "tick", x: left - 6, y: y.at(v) + 4, "text-anchor": "end" }).textContent = text;
    }
    make("rect", { class: "frame", x: left, y: top, width: width - left - right, height: height - top - bottom });
    make("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }).textContent = data.axes[ix].label;
    make("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(top + height - bottom) / 2}) rotate(-90)` }).textContent = data.axes[iy].label;

    marks = [];
    const order = new Map(kinds.map(([kind], i) => [kind, i]));
    const { seeds } = picked();
    const layer = (p) => order.get(p.kind) + (seeds.includes(p.seed) ? 1.5 : 0);
    const inside = finite.filter((p) => x.holds(p.scores[ix]) && y.holds(p.scores[iy]));
    for (const point of inside.sort((a, b) => layer(a) - layer(b))) {
      const mark = { point, x: x.at(point.scores[ix]), y: y.at(point.scores[iy]) };
      mark.element = make("path", {
        class: `point ${point.kind}`, d: shapes[point.kind === "control" && !point.seeds ? "all" : point.kind], transform: `translate(${mark.x.toFixed(1)} ${mark.y.toFixed(1)})`,
        role: point.seed ? "button" : "img", "aria-label": describe(point), tabindex: -1,
      });
      if (point.seed) mark.element.dataset.seed = point.seed;
      mark.element.addEventListener("focus", () => { focus = key(point); show(point); reachable(); });
      marks.push(mark);
    }
    label(width - right, height - bottom);
    const gone = visible.length - finite.length;
    byId("dropped").hidden = !gone && inside.length === finite.length;
    byId("dropped").textContent = !gone ? `${finite.length - inside.length} points lie outside.` : `Not drawn, infinite or undefined: ${visible.filter((p) => !finite.includes(p)).slice(0, 3).map((p) => p.label).join(", ")}${gone > 3 ? ` and ${gone - 3} more` : ""}`;
    const better = { higher: "more is better", lower: "less is better", "": "no end is better" };
    byId("axes").textContent = [ix, iy].map((i) => `${data.axes[i].id}: ${better[data.axes[i].better]}`).join("; ");
    reachable();
    render();
    if (refocus) marks.find((m) => key(m.point) === focus)?.element.focus();
  }

  // label names the few points that are not samples, where there is room.
  function label(edge, base) {
    const taken = [];
    for (const mark of marks) {
      const { point } = mark;
      if (!["method", "ensemble"].includes(point.kind) && !(point.kind === "control" && !point.seeds)) continue;
      const text = make("text", { class: "label" });
      text.textContent = point.label;
      const width = text.getComputedTextLength();
      const clamp = (v) => Math.max(62, Math.min(edge - 4 - width, v));
      const places = [4, -13, 22, -30, 39, -47, 56].flatMap((dy) => [mark.x + 12, mark.x - 12 - width, mark.x - width / 2].map((px) => [clamp(px), mark.y + dy]));
      const cost = ([px, py]) => (py < 24 || py > base - 4 ? 1e6 : 0) + Math.hypot(Math.max(px - mark.x, 0, mark.x - px - width), py - mark.y) / 10 +
        taken.reduce((sum, t) => sum + (px < t[0] + t[2] + 4 && px + width + 4 > t[0] && Math.abs(py - t[1]) < 15 ? 1e4 : 0), 0) +
        marks.filter((m) => m.x > px - 4 && m.x < px + width + 4 && m.y > py - 14 && m.y < py + 6).length +
        (mark.x > px - 8 && mark.x < px + width + 8 && mark.y > py - 20 && mark.y < py + 10 ? 50 : 0); // its own mark
      const best = places.sort((p, q) => cost(p) - cost(q))[0];
      text.setAttribute("x", best[0]);
      text.setAttribute("y", best[1]);
      text.setAttribute("aria-hidden", "true");
      taken.push([...best, width]);
    }
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
    const n = list.seeds.length;
    if (n && star?.picture) paint(box, star.picture, 0, 72);
    else box.style.backgroundImage = "";
    box.setAttribute("aria-label", n ? `pixel average of ${n} picks` : "no picks yet");
    byId("meancaption").textContent = n ? `mean of ${n} ${n === 1 ? "pick" : "picks"}` : "no picks yet";
  }

  // render shows list, queue and selection on what is drawn.
  function render() {
    if (!list || !data) return;
    const { seeds, by } = picked();
    const waiting = new Set(queue.map((click) => click.seed));
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
    saved.classList.toggle("waiting", queue.length > 0);
    if (!live && by === "stand-in") saved.textContent = list.note;
    else if (!live) saved.textContent = starless() ? "picked in this page; only the notebook can score their mean" : "picked";
    else if (away) saved.textContent = queue.length ? "picked, not stored yet" : "picked";
    else if (queue.length) saved.textContent = "picked, storing…";
    else if (by === "stand-in") saved.textContent = `${list.note}. Your first click replaces them.`;
    else if (by === "notebook") saved.textContent = "picked by a notebook cell, stored";
    else saved.textContent = seeds.length ? "picked, stored" : "picked";
    byId("undo").disabled = !list.undoable && !queue.length;
    byId("clear").disabled = !seeds.length;
    if (!live) {
      byId("command").hidden = !seeds.length;
      byId("command").replaceChildren("In the notebook: ", code(`space.SetPicks(${JSON.stringify(page.name)}, ${seeds.join(", ")})`));
    }
  }
  const starless = () => list.seeds.length > 0 && !star?.point;
  function code(text) {
    const element = document.createElement("code");
    element.textContent = text;
    return element;
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
  function nearest(x, y, within) {
    let best = null, least = within ** 2;
    for (const m of marks) {
      const d = (m.x - x) ** 2 + (m.y - y) ** 2;
      if (d <= least) [best, least] = [m, d]; // the last drawn lies on top
    }
    return best;
  }
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
      drag.box ??= make("rect", { class: "box" });
      drag.to = [x, y];
      drag.box.setAttribute("x", Math.min(x, drag.x));
      drag.box.setAttribute("y", Math.min(y, drag.y));
      drag.box.setAttribute("width", Math.abs(x - drag.x));
      drag.box.setAttribute("height", Math.abs(y - drag.y));
      return;
    }
    const near = nearest(x, y, 14);
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
    const near = nearest(x, y, event.pointerType === "touch" ? 22 : 14);
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
  byId("undo").addEventListener("click", () => { if (list && !byId("undo").disabled) push({ action: "undo" }); });
  byId("clear").addEventListener("click", () => push({ action: "clear" }));
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
      const glyph = make("svg", { viewBox: "-11 -11 22 22", "aria-hidden": "true" }, label);
      make("path", { class: `point ${kind}`, d: shapes[kind] }, glyph);
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
      data = await until(() => ask("plane/SPACE/data"));
      say("");
      build();
      await moveStar();
      draw();
    } finally {
      loading = false;
    }
  }

  // follow keeps up with picks made elsewhere.
  async function follow() {
    for (;;) {
      await sleep(lookEvery);
      if (document.hidden || sending) continue;
      try {
        const stored = await until(() => ask("gallery/SPACE/picks", null, patience));
        if (sending || queue.length) continue; // older than what is being stored
        accept(stored);
        if (starMissed) { starMissed = false; moveStar(); }
        render();
      } catch (refusal) {
        complain(refusal);
      }
    }
  }

  async function start() {
    new ResizeObserver(() => { draw(); if (shown) show(shown); }).observe(svg.parentElement);
    try {
      if (own) {
        data = JSON.parse(own.textContent);
        list = data.picks;
        build();
        await moveStar();
      } else {
        list = await until(() => ask("gallery/SPACE/picks", null, patience));
        await load();
        follow();
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
})();
