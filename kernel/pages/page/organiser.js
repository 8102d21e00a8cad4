// The organiser's page: what is stored, every two seconds.
import { byId as $, make } from "./dom.js";

const token = new URLSearchParams(location.search).get("token") || "";
const withToken = path => `${path}?token=${encodeURIComponent(token)}`;
let before = "";

const percent = x => (100 * x).toFixed(1) + " %";
const head = (...names) => make("thead", {}, make("tr", {}, ...names.map(n => make("th", { scope: "col" }, n))));

function trial(t) {
  const box = make("section", {}, make("h2", {}, `${t.name}: ${t.ballots} ballots${t.nones ? `, ${t.nones} without a pick` : ""}`));
  if (t.readings && t.readings.length) {
    const rows = t.readings.map(r => make("tr", {}, make("td", {}, r.Reading), make("td", {}, `${r.People} of ${r.Of}`),
      make("td", {}, percent(r.People / r.Of)), make("td", {}, `${percent(r.Wilson.Low)} to ${percent(r.Wilson.High)}`)));
    box.append(make("div", { class: "scroll" }, make("table", {}, head("Read as", "People", "Share", "95 %, Wilson"), make("tbody", {}, ...rows))));
  }
  if (t.top && t.top.length) {
    const strip = make("div", { class: "strip" });
    for (const v of t.top) {
      strip.append(make("figure", {}, make("img", { src: withToken(`organiser/sample/${encodeURIComponent(t.name)}/${v.Sample}`), alt: `sample ${v.Sample}` }),
        make("figcaption", {}, `${v.Votes} of ${v.Shown}`)));
    }
    box.append(strip);
  }
  if (t.tie) box.append(make("p", { class: "banner" }, t.tie));
  return box;
}

async function refresh() {
  try {
    const answer = await fetch(withToken("organiser/progress"));
    const text = await answer.text();
    const data = JSON.parse(text);
    if (!answer.ok) throw new Error(data.error);
    $("message").hidden = true;
    if (text !== before) {
      before = text;
      $("where").textContent = `${data.joined} joined, ${data.finished} finished${data.withdrawn ? `, ${data.withdrawn} withdrawn` : ""}${data.planned ? `, ${data.planned} planned` : ""}; ${data.ballots} ballots${data.closed ? "; closed" : ""}`;
      $("note").textContent = [data.note, data.pace].filter(Boolean).join(" ");
      $("note").hidden = !$("note").textContent;
      $("close").disabled = data.closed;
      $("trials").replaceChildren(...data.trials.map(trial));
      $("people").replaceChildren(...(data.people || []).map(p => make("tr", {}, make("td", {}, p.name), make("td", {}, p.joined), make("td", {}, p.step))));
    }
  } catch (e) {
    $("message").textContent = `The study does not answer: ${e.message}`;
    $("message").hidden = false;
  }
}

$("csv").href = withToken("organiser/ballots.csv");
$("jsonl").href = withToken("organiser/ballots.jsonl");
$("close").addEventListener("click", async () => {
  if (!confirm("Close the study? Nobody can answer any more, and it cannot be opened again.")) return;
  await fetch("organiser/close", { method: "POST", headers: { "Content-Type": "application/json", Authorization: "Bearer " + token }, body: "{}" });
  refresh();
});
refresh();
setInterval(refresh, 2000);
