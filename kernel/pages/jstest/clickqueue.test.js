import assert from "node:assert/strict";
import { test } from "node:test";
import { openQueue, patiently, refuse } from "../page/clickqueue.js";

test("patiently repeats until somebody answers, with longer and longer pauses", async () => {
  const pauses = [], told = [];
  let tries = 0;
  const answer = await patiently(async () => {
    if (++tries < 6) throw new Error(`try ${tries}`);
    return "here";
  }, { first: 100, longest: 500, away: (err) => told.push(err?.message ?? null), pause: async (ms) => pauses.push(ms) });
  assert.equal(answer, "here");
  assert.deepEqual(pauses, [100, 200, 400, 500, 500]);
  assert.deepEqual(told, ["try 1", "try 2", "try 3", "try 4", "try 5", null]);
});

test("patiently does not repeat what is refused", async () => {
  const told = [];
  let tries = 0;
  await assert.rejects(patiently(async () => {
    tries++;
    throw refuse({ error: "no", status: 409 });
  }, { first: 1, away: (err) => told.push(err) }), { refused: true, status: 409, message: "no" });
  assert.equal(tries, 1);
  assert.deepEqual(told, [null]); // somebody answered
});

// desk answers what is sent to it when the test says so.
function desk() {
  const sent = [], open = [], stored = [], refused = [];
  let changes = 0;
  const queue = openQueue({
    send: (click) => new Promise((answer, reject) => { sent.push(click); open.push({ answer, reject }); }),
    stored: (click, answer) => { stored.push([click, answer]); },
    refused: (click, err) => { refused.push([click, err.message]); },
    changed: () => { changes++; },
  });
  return { queue, sent, open, stored, refused, changes: () => changes };
}
const turn = () => new Promise((done) => setImmediate(done));

test("clicks are sent one after the other, in order", async () => {
  const d = desk();
  d.queue.push("a");
  const all = d.queue.push("b");
  d.queue.push("c");
  await turn();
  assert.deepEqual(d.sent, ["a"]);
  assert.deepEqual(d.queue.waiting(), ["a", "b", "c"]);
  assert.equal(d.queue.sending, true);
  d.open[0].answer(1);
  await turn();
  assert.deepEqual(d.sent, ["a", "b"]);
  assert.deepEqual(d.stored, [["a", 1]]);
  assert.equal(d.queue.length, 2);
  d.open[1].reject(refuse({ error: "full" }));
  await turn();
  d.open[2].answer(3);
  await all;
  await turn();
  assert.deepEqual(d.stored, [["a", 1], ["c", 3]]);
  assert.deepEqual(d.refused, [["b", "full"]]);
  assert.equal(d.queue.length, 0);
  assert.equal(d.queue.sending, false);
  assert.ok(d.changes() >= 6, `${d.changes()} changes told`);
});

test("what an answer drops is not sent", async () => {
  const d = desk();
  for (const click of [1, 2, 3, 4]) d.queue.push(click);
  await turn();
  d.queue.keep((click) => click % 2 === 1); // 1, under way, and 3
  d.open[0].answer();
  await turn();
  assert.deepEqual(d.sent, [1, 3]);
  d.queue.drop();
  d.queue.push(5); // while 3 is under way
  await turn();
  assert.deepEqual(d.sent, [1, 3]);
  d.open[1].answer();
  await turn();
  assert.deepEqual(d.sent, [1, 3, 5]);
  assert.deepEqual(d.queue.waiting(), [5]);
});

test("a click pushed by what hears of the last one is sent", async () => {
  const sent = [];
  const queue = openQueue({
    send: async (click) => { sent.push(click); },
    stored: (click) => { if (click < 3) queue.push(click + 1); },
    refused: () => assert.fail("refused"),
    changed: () => {},
  });
  await queue.push(1);
  await turn();
  assert.deepEqual(sent, [1, 2, 3]);
});
