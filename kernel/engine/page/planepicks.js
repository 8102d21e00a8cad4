// The picks of the linked plane and of the gallery: the engine's list, changed click by click, or
// in a file of its own a list that lives as long as the page.
"use strict";

const openPicks = (page, saved, told) => {
  // saved is the list that a file was made with, null in the notebook. told
  // hears of what happens: render() of any change, moved() of a change of what
  // is stored, grown() of new samples, say(text) and complain(refusal).
  const retryEvery = 700; // ms, while the engine is away
  const lookEvery = 500; // ms between looks at picks made elsewhere
  const patience = 2500; // ms to wait for an answer about picks; connections to a dead engine hang
  const live = !saved;
  const query = new URLSearchParams(page.query);
  const cap = Number(query.get("cap")); // of a list that the first click makes
  let list = saved; // as stored: revision, cap, by, note, seeds, undoable, samples
  const queue = []; // clicks not yet stored, oldest first
  const undone = []; // earlier states, in a file
  let sending = false;
  let away = false;

  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  // Addresses are relative to the page: a proxy may serve it below a prefix.
  const url = (path, more = {}) => {
    const all = new URLSearchParams(query);
    for (const [key, value] of Object.entries(more)) all.set(key, value);
    all.set("name", page.name);
    return `../${path.replace("SPACE", encodeURIComponent(page.space))}?${all}`;
  };

  // ask fetches JSON. It throws a refusal {status, error, hint, picks} when
  // the engine says no, and something else when no engine answers.
  async function ask(path, body, wait) {
    const response = await fetch(url(path), {
      signal: wait ? AbortSignal.timeout(wait) : null,
      ...(body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) await fail(response);
    return response.json();
  }

  // fail throws what an answer that is not well says: the engine's refusal, or
  // that there is no engine, which a proxy in between says in its own way.
  async function fail(response) {
    if ([502, 503, 504].includes(response.status)) throw new Error("no engine answers");
    const text = await response.text();
    let answer;
    try { answer = JSON.parse(text); } catch { answer = { error: text.trim() }; }
    throw { refused: true, status: response.status, ...answer };
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
    told.say(away ? "The engine is gone, reconnecting… Your clicks wait here until it is back." : "");
    told.render();
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
    if (!live) return change(click);
    told.render();
    send();
  }

  async function send() {
    if (sending) return;
    sending = true;
    while (queue.length) {
      const click = queue[0];
      if (click.revision === undefined) click.revision = list.revision;
      try {
        accept(await until(() => ask("gallery/SPACE/picks", { ...click, cap: list.cap }, patience)));
      } catch (refusal) {
        if (refusal.picks) accept(refusal.picks);
        told.complain(refusal);
      }
      queue.shift();
      told.render();
    }
    sending = false;
  }

  // change is what the engine does, in a file that has none.
  function change(click) {
    const { seeds } = picked();
    queue.pop();
    if (click.action === "undo") {
      if (undone.length) list = { ...list, ...undone.pop() };
    } else {
      undone.push({ seeds: list.seeds, by: list.by, note: list.note });
      list = { ...list, seeds, by: seeds.length ? "person" : "" };
    }
    list.undoable = undone.length > 0;
    told.moved();
    told.render();
  }

  // accept takes the list as stored.
  function accept(stored) {
    const before = list;
    list = cap && stored.revision === 0 ? { ...stored, cap } : stored;
    if (!before || before.revision !== list.revision) told.moved();
    if (before && before.samples !== list.samples) told.grown();
  }

  function toggle(seed) {
    if (!list) return;
    const { seeds, by } = picked();
    const standIn = by === "stand-in"; // whose picks a person's first one replaces
    if (!standIn && seeds.includes(seed)) return push({ action: "unpick", seed });
    if (!standIn && seeds.length >= list.cap) return told.say(`All ${list.cap} picks are used: take one back first.`, 4000);
    push({ action: "pick", seed });
  }

  // open reads the list and then keeps up with picks made elsewhere.
  async function open() {
    if (!live) return;
    accept(await until(() => ask("gallery/SPACE/picks", null, patience)));
    follow();
  }

  async function follow() {
    for (;;) {
      await sleep(lookEvery);
      if (document.hidden || sending) continue;
      try {
        const stored = await until(() => ask("gallery/SPACE/picks", null, patience));
        if (sending || queue.length) continue; // older than what is being stored
        accept(stored);
        told.looked();
        told.render();
      } catch (refusal) {
        told.complain(refusal);
      }
    }
  }

  return {
    live, open, ask, fail, until, url, picked, toggle,
    stored: () => list,
    waiting: () => new Set(queue.map((click) => click.seed)),
    pending: () => queue.length > 0,
    away: () => away,
    undo: () => { if (list?.undoable || queue.length) push({ action: "undo" }); },
    clear: () => { if (picked().seeds.length) push({ action: "clear" }); },
  };
};
