// Requests of a page to the engine that serves it.
import { patiently, refuse } from "./clickqueue.js";

// openEngine returns how a page asks. page has the space, the list's name and
// the query of the page's address; away is told as [patiently] tells it.
export function openEngine(page, away) {
  const retryEvery = 700; // ms, while the engine is away
  const query = new URLSearchParams(page.query);

  // url is relative to the page: a proxy may serve it below a prefix.
  function url(path, more = {}) {
    const all = new URLSearchParams(query);
    for (const [key, value] of Object.entries(more)) all.set(key, value);
    all.set("name", page.name);
    return `../${path.replace("SPACE", encodeURIComponent(page.space))}?${all}`;
  }

  // fail throws what an answer that is not well says: the engine's refusal, or
  // that there is no engine, which a proxy in between says in its own way.
  async function fail(response) {
    if ([502, 503, 504].includes(response.status)) throw new Error("no engine answers");
    const text = await response.text();
    let answer;
    try { answer = JSON.parse(text); } catch { answer = { error: text.trim() }; }
    throw refuse({ status: response.status, ...answer });
  }

  // ask fetches JSON. It throws a refusal {status, error, hint, picks} when the
  // engine says no, and something else when no engine answers within wait ms.
  async function ask(path, body, wait) {
    const response = await fetch(url(path), {
      signal: wait ? AbortSignal.timeout(wait) : null, // connections to a dead engine hang
      ...(body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) await fail(response);
    return response.json();
  }

  return { url, fail, ask, query, until: (attempt) => patiently(attempt, { first: retryEvery, away }) };
}
