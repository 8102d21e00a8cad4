// The picks of the linked plane and of the gallery: the engine's list, changed click by click, or
// in a file of its own a list that lives as long as the page.
import { openQueue, sleep } from "./clickqueue.js";
import { openEngine } from "./engine.js";

export function openPicks(page, saved, told) {
  // saved is the list that a file was made with, null in the notebook. told
  // hears of what happens: render() of any change, moved() of a change of what
  // is stored, grown() of new samples, say(text) and complain(refusal).
  const lookEvery = 500; // ms between looks at picks made elsewhere
  const patience = 2500; // ms to wait for an answer about picks
  const live = !saved;
  let away = false;
  const engine = openEngine(page, (err) => {
    if (away === Boolean(err)) return;
    away = Boolean(err);
    told.say(away ? "The engine is gone, reconnecting… Your clicks wait here until it is back." : "");
    told.render();
  });
  const { ask, until } = engine;
  const cap = Number(engine.query.get("cap")); // of a list that the first click makes
  let list = saved; // as stored: revision, cap, by, note, seeds, undoable, samples
  const undone = []; // earlier states, in a file
  const queue = openQueue({
    send(click) {
      if (click.revision === undefined) click.revision = list.revision;
      return until(() => ask("gallery/SPACE/picks", { ...click, cap: list.cap }, patience));
    },
    stored: (_, answer) => accept(answer),
    refused(_, refusal) {
      if (refusal.picks) accept(refusal.picks);
      told.complain(refusal);
    },
    changed: () => told.render(),
  });

  // picked is the list as it will be when the queue, and one more click, are
  // stored.
  function picked(more) {
    let seeds = list ? [...list.seeds] : [];
    let by = list ? list.by : "";
    for (const click of [...queue.waiting(), ...(more ? [more] : [])]) {
      if (click.action === "clear") seeds = [];
      if (click.action === "unpick") seeds = seeds.filter((s) => s !== click.seed);
      if (click.action === "pick") {
        if (by === "stand-in") { seeds = []; by = "person"; }
        if (!seeds.includes(click.seed)) seeds.push(click.seed);
      }
    }
    return { seeds, by };
  }

  const push = (click) => (live ? queue.push(click) : change(click));

  // change is what the engine does, in a file that has none.
  function change(click) {
    const { seeds } = picked(click);
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
      if (document.hidden || queue.sending) continue;
      try {
        const stored = await until(() => ask("gallery/SPACE/picks", null, patience));
        if (queue.sending || queue.length) continue; // older than what is being stored
        accept(stored);
        told.looked();
        told.render();
      } catch (refusal) {
        told.complain(refusal);
      }
    }
  }

  return {
    live, open, ask, fail: engine.fail, until, url: engine.url, picked: () => picked(), toggle,
    stored: () => list,
    waiting: () => new Set(queue.waiting().map((click) => click.seed)),
    pending: () => queue.length > 0,
    away: () => away,
    undo: () => { if (list?.undoable || queue.length) push({ action: "undo" }); },
    clear: () => { if (picked().seeds.length) push({ action: "clear" }); },
  };
}
