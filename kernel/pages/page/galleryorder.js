// In which order the samples stand, and in which groups: by number, reading,
// cluster or a score, which the engine is asked for when it is first needed.
import { refuse } from "./clickqueue.js";

export function openOrders(picks, samplesNow) {
  const bands = 5; // groups of a score
  const hundred = 100; // samples of a group by number
  const known = new Map(); // by id: {label, better, values: Map seed → number, sure}
  let asked = null; // what is being worked out, to stop it

  const number = (v) => (Number.isFinite(v) ? Number(v.toPrecision(4)).toString() : v > 0 ? "∞" : v < 0 ? "−∞" : "undefined");
  const parse = (v) => (typeof v === "number" ? v : v === null ? NaN : v === "inf" ? Infinity : -Infinity);

  // list returns what there is to sort by, without its numbers.
  async function list() {
    const axes = await picks.until(() => picks.ask("gallery/SPACE/orders"));
    for (const axis of axes) if (!known.has(axis.id)) known.set(axis.id, axis);
    return axes;
  }

  // lines reads JSON line by line and returns the last one.
  async function lines(url, signal, progress) {
    const response = await fetch(url, { signal });
    if (!response.ok) await picks.fail(response);
    let rest = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the engine stopped in the middle");
      rest += value;
      for (let end; (end = rest.indexOf("\n")) >= 0; rest = rest.slice(end + 1)) {
        const line = JSON.parse(rest.slice(0, end));
        if (line.error) throw refuse(line);
        if (!line.progress) return line;
        progress(line.progress);
      }
    }
  }

  // need returns an order with the number of each of n samples. progress hears
  // how far the engine is.
  async function need(id, n, progress) {
    const have = known.get(id);
    if (have?.values?.size === n) return have;
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const answer = await picks.until(async () => {
      try {
        return await lines(picks.url("gallery/SPACE/order", { by: id }), signal, progress);
      } catch (err) {
        if (signal.aborted) throw refuse({ stopped: true });
        throw err;
      }
    });
    const { seeds, values, sure } = answer.order;
    have.values = new Map(seeds.map((seed, i) => [seed, parse(values[i])]));
    have.sure = sure && new Map(seeds.map((seed, i) => [seed, sure[i]]));
    return have;
  }

  // sorted returns the samples in the order of id, the better end first; equal
  // ones, and those that have no number, keep the order of their numbers.
  function sorted(samples, id, turned) {
    const order = known.get(id);
    const out = [...samples];
    if (order?.values) {
      const sign = order.better === "higher" ? -1 : 1;
      const place = (seed) => {
        const v = sign * order.values.get(seed);
        return Number.isNaN(v) ? Infinity : v;
      };
      const sure = (seed) => order.sure?.get(seed) ?? 0;
      out.sort((a, b) => {
        const [x, y] = [place(a.seed), place(b.seed)];
        return x < y ? -1 : x > y ? 1 : sure(b.seed) - sure(a.seed);
      });
    }
    return turned ? out.reverse() : out;
  }

  // groups splits samples, which stand in their order, into [{heading, samples}].
  function groups(samples, id) {
    const order = known.get(id);
    if (!id || (id !== "number" && !order?.values)) return [{ heading: "", samples }];
    const all = samples.length;
    const of = new Map();
    const put = (key, sample) => { if (!of.has(key)) of.set(key, []); of.get(key).push(sample); };
    const count = (n) => `${n} of ${all} samples`;
    if (id === "number") {
      const place = new Map(samplesNow().map((s, i) => [s.seed, i]));
      for (const s of samples) put(Math.floor(place.get(s.seed) / hundred), s);
      const ordinal = (list, pick) => list.map((s) => BigInt(s.seed)).reduce((a, b) => (pick(a, b) ? a : b));
      return [...of].sort((a, b) => a[0] - b[0]).map(([, list]) => ({ samples: list,
        heading: `samples ${ordinal(list, (a, b) => a < b)} to ${ordinal(list, (a, b) => a > b)}: ${count(list.length)}` }));
    }
    if (id === "reading" || id === "cluster") {
      for (const s of samples) put(order.values.get(s.seed), s);
      const heading = (key, n) => (key === undefined ? `${count(n)} are not read yet` : id === "reading" ? `${count(n)} are read as ${key}` : `cluster ${key}: ${count(n)}`);
      return [...of].sort((a, b) => b[1].length - a[1].length || a[0] - b[0]).map(([key, list]) => ({ heading: heading(key, list.length), samples: list }));
    }
    const ranked = sorted(samples, id, false);
    const band = new Map(ranked.map((s, i) => [s.seed, Math.floor((i * bands) / all)]));
    for (const s of samples) put(band.get(s.seed), s);
    return [...of].sort((a, b) => a[0] - b[0]).map(([, list]) => {
      const values = list.map((s) => order.values.get(s.seed)).filter((v) => !Number.isNaN(v));
      const span = values.length ? `${number(Math.min(...values))} to ${number(Math.max(...values))}` : "undefined";
      return { samples: list, heading: `${order.label}, ${span}: ${count(list.length)}` };
    });
  }

  // told returns what is known of a sample by id, in words.
  function told(seed, id) {
    const order = known.get(id);
    const v = order?.values?.get(seed);
    if (v === undefined) return "";
    if (id === "reading") return `read as ${v} (probability ${order.sure.get(seed).toFixed(2)})`;
    return id === "cluster" ? `cluster ${v}` : `${order.label}: ${number(v)}`;
  }

  return { list, need, sorted, groups, told, stop: () => asked?.abort(), reading: (seed) => known.get("reading")?.values?.get(seed) };
}
