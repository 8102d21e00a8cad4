import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, steps } from "../page/planeparts.js";

test("ticks are one, two or five units of a power of ten apart", () => {
  assert.deepEqual(steps(0, 10), [[0, "0"], [2, "2"], [4, "4"], [6, "6"], [8, "8"], [10, "10"]]);
  assert.deepEqual(steps(20.05, 20.83).map(([, text]) => text), ["20.1", "20.2", "20.3", "20.4", "20.5", "20.6", "20.7", "20.8"]);
  assert.deepEqual(steps(-0.05, 0.05).map(([, text]) => text), ["-0.04", "-0.02", "0.00", "0.02", "0.04"]);
  for (const [low, high] of [[0, 1], [3, 1000], [-7, 0.2], [1e-6, 3e-6]]) {
    const n = steps(low, high).length;
    assert.ok(n >= 3 && n <= 9, `${n} ticks from ${low} to ${high}`);
  }
});

test("of marks at one place the last drawn is found", () => {
  const marks = [{ x: 0, y: 0, name: "a" }, { x: 3, y: 4, name: "b" }, { x: 3, y: 4, name: "c" }];
  assert.equal(nearest(marks, 3, 3, 5).name, "c");
  assert.equal(nearest(marks, 0, 1, 5).name, "a");
  assert.equal(nearest(marks, 100, 100, 5), null);
});
