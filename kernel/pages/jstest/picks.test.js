import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { openPicks } from "../page/picks.js";

// The page looks for other picks for ever; timers of its own do not keep a test
// from ending.
const timer = globalThis.setTimeout;
globalThis.setTimeout = (...args) => timer(...args).unref();

// engine is a list of picks that answers fetch as the engine does.
let list, requests, failures;
beforeEach(() => {
  list = { revision: 3, cap: 2, by: "person", note: "", seeds: ["7"], undoable: true, samples: 9 };
  requests = [];
  failures = [];
  globalThis.document = { hidden: true };
  globalThis.fetch = async (url, options = {}) => {
    const failure = failures.shift();
    if (failure === "nobody") throw new TypeError("fetch failed");
    if (failure) return new Response(failure.text, { status: failure.status });
    requests.push(options.body ? JSON.parse(options.body) : url);
    if (options.body) {
      const { action, seed } = JSON.parse(options.body);
      const seeds = action === "pick" ? [...list.seeds, seed] : action === "unpick" ? list.seeds.filter((s) => s !== seed) : [];
      list = { ...list, revision: list.revision + 1, seeds };
    }
    return Response.json(list);
  };
});

const page = { space: "digit 1", name: "five", query: "token=t&cap=2" };
function openLive() {
  const said = [], told = [];
  const picks = openPicks(page, null, {
    render: () => {}, moved: () => told.push("moved"), grown: () => told.push("grown"), looked: () => {},
    say: (text) => said.push(text), complain: (refusal) => said.push(refusal.error),
  });
  return { picks, said, told };
}
const settled = async (picks) => { while (picks.pending()) await new Promise((done) => timer(done, 5)); };

test("addresses keep the page's query and name space and list", () => {
  const { picks } = openLive();
  assert.equal(picks.url("gallery/SPACE/picks", { v: 2 }), "../gallery/digit%201/picks?token=t&cap=2&v=2&name=five");
});

test("a click is waiting at once and stored when the engine says so", async () => {
  const { picks, told } = openLive();
  await picks.open();
  picks.toggle("8");
  assert.deepEqual(picks.picked().seeds, ["7", "8"]);
  assert.deepEqual([...picks.waiting()], ["8"]);
  assert.deepEqual(picks.stored().seeds, ["7"]);
  await settled(picks);
  assert.deepEqual(picks.stored().seeds, ["7", "8"]);
  assert.deepEqual(requests.at(-1), { action: "pick", seed: "8", revision: 3, cap: 2 });
  assert.deepEqual(told, ["moved", "moved"]);
});

test("a list that is full takes no more, and a second click takes a pick back", async () => {
  const { picks, said } = openLive();
  await picks.open();
  picks.toggle("8");
  picks.toggle("9"); // full, with the one that is on its way
  assert.deepEqual(said, ["All 2 picks are used: take one back first."]);
  picks.toggle("8");
  await settled(picks);
  assert.deepEqual(picks.stored().seeds, ["7"]);
  assert.deepEqual(requests.slice(1).map((r) => `${r.action} ${r.seed}`), ["pick 8", "unpick 8"]);
});

test("clicks wait while no engine answers, and are sent once", async () => {
  const { picks, said } = openLive();
  await picks.open();
  failures = ["nobody", { status: 502, text: "bad gateway" }];
  picks.toggle("8");
  await settled(picks);
  assert.equal(said[0], "The engine is gone, reconnecting… Your clicks wait here until it is back.");
  assert.equal(said.at(-1), "");
  assert.deepEqual(requests.slice(1).map((r) => r.seed), ["8"]);
});

test("a refusal shows the list as it stands", async () => {
  const { picks, said } = openLive();
  await picks.open();
  failures = [{ status: 409, text: JSON.stringify({ error: "full", picks: { ...list, revision: 9, seeds: ["1", "2"] } }) }];
  picks.toggle("8");
  await settled(picks);
  assert.deepEqual(said, ["full"]);
  assert.deepEqual(picks.picked().seeds, ["1", "2"]);
});

test("a person's first pick replaces a stand-in's", async () => {
  list.by = "stand-in";
  list.seeds = ["1", "2"];
  const { picks } = openLive();
  await picks.open();
  picks.toggle("1");
  assert.deepEqual(picks.picked(), { seeds: ["1"], by: "person" });
});

test("in a file of its own picks live in the page and can be undone", () => {
  const saved = { revision: 1, cap: 2, by: "person", note: "", seeds: ["7"], undoable: false, samples: 9 };
  const picks = openPicks({ space: "s", name: "five", query: "" }, saved, { render() {}, moved() {}, grown() {}, looked() {}, say() {}, complain() {} });
  picks.toggle("8");
  assert.deepEqual(picks.stored().seeds, ["7", "8"]);
  picks.clear();
  assert.deepEqual(picks.stored().seeds, []);
  picks.undo();
  picks.undo();
  assert.deepEqual(picks.stored().seeds, ["7"]);
  assert.equal(picks.stored().undoable, false);
  assert.deepEqual(requests, []);
});
