// A sample large, beside the LR picture or another sample, or both in one
// place in turn.
import { byId } from "./dom.js";

export function openLook(told) {
  // told: picture(what) promises [image, x, y, w, h] of a sample's seed or of
  // "lr", "bicubic", "mean"; next(seed, step) the seed beside it on the wall;
  // has(seed); picked(seed); toggle(seed), undo(), closed(seed).
  const blinkEvery = 500; // ms; below the three flashes a second that may harm
  const box = byId("closely"), stage = byId("stage");
  const names = { lr: "LR, nearest", bicubic: "bicubic", mean: "mean of picks" };
  let seed = null; // looked at
  let before = null; // looked at before it
  let timer = 0, second = false; // blinking, and which is shown

  const beside = () => {
    const what = byId("with").value;
    return what === "sample" ? byId("other").value : what;
  };
  const name = (what) => names[what] ?? `sample ${what}`;

  // show draws what is chosen. The left picture decides how large a pixel is.
  let drawing = 0;
  async function show() {
    const mine = ++drawing;
    const other = beside();
    byId("otherlabel").hidden = byId("with").value !== "sample";
    byId("blink").disabled = !other;
    const bad = byId("with").value === "sample" && !told.has(other);
    byId("other").setAttribute("aria-invalid", String(bad));
    let shown, with_ = null;
    try {
      shown = await told.picture(seed);
      if (other && !bad) with_ = await told.picture(other);
    } catch { /* the engine is away, which the page says; or there is no mean yet */ }
    if (mine !== drawing || !shown) return;
    if (!with_) halt();
    byId("what").textContent = `Sample ${seed}`;
    const picked = told.picked(seed);
    byId("pick").setAttribute("aria-pressed", String(picked));
    byId("pick").textContent = picked ? "Take back" : "Pick";
    const blinking = timer !== 0;
    byId("right").hidden = !with_ || blinking;
    const places = with_ && !blinking ? 2 : 1;
    const [, , , w, h] = shown;
    const ratio = window.devicePixelRatio || 1;
    const room = stage.clientWidth - 4 - (places - 1) * 12;
    const tall = Math.max(120, window.innerHeight - box.offsetHeight + stage.offsetHeight - 64);
    const stacked = room < 420;
    const scale = Math.max(1, Math.floor(Math.min(room / (stacked ? 1 : places) / w, (tall - 28) / (stacked ? places : 1) / h, 24) * ratio));
    draw("left", blinking && second ? other : seed, blinking && second ? with_ : shown, w * scale, h * scale, ratio);
    if (with_ && !blinking) draw("right", other, with_, w * scale, h * scale, ratio);
  }

  function draw(side, what, [image, x, y, w, h], width, height, ratio) {
    const figure = byId(side), canvas = figure.querySelector("canvas");
    [canvas.width, canvas.height] = [width, height];
    [canvas.style.width, canvas.style.height] = [`${width / ratio}px`, `${height / ratio}px`];
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(image, x, y, w, h, 0, 0, width, height);
    const text = name(what) + (told.picked(what) ? ", picked" : "");
    figure.querySelector("figcaption").textContent = text;
    canvas.setAttribute("aria-label", `${text}, enlarged`);
    figure.dataset.what = what;
    figure.classList.toggle("picked", told.picked(what));
  }

  function halt() {
    clearInterval(timer);
    [timer, second] = [0, false];
    byId("blink").setAttribute("aria-pressed", "false");
  }

  function blink() {
    if (timer) halt();
    else if (beside()) {
      byId("blink").setAttribute("aria-pressed", "true");
      timer = setInterval(() => { second = !second; show(); }, blinkEvery);
    }
    show();
  }

  function open(at) {
    before = seed && seed !== at ? seed : before ?? told.next(at, 1);
    if (byId("with").value !== "sample" || byId("other").value === at) byId("other").value = before ?? "";
    seed = at;
    box.showModal();
    byId("left").querySelector("canvas").focus();
    show();
  }

  box.addEventListener("keydown", (event) => {
    if (event.target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const step = key === "ArrowRight" ? 1 : -1;
      if (event.shiftKey) {
        byId("with").value = "sample";
        byId("other").value = told.next(told.has(byId("other").value) ? byId("other").value : seed, step);
      } else seed = told.next(seed, step);
      show();
    } else if (key === "b") blink();
    else if (key === "u") told.undo();
    else if (key === "Enter" && !event.target.matches("button")) told.toggle(seed);
    else return;
    event.preventDefault();
  });
  box.addEventListener("close", () => { halt(); told.closed(seed); });
  byId("close").addEventListener("click", () => box.close());
  byId("blink").addEventListener("click", blink);
  byId("pick").addEventListener("click", () => told.toggle(seed));
  byId("with").addEventListener("change", show);
  byId("other").addEventListener("change", show);
  window.addEventListener("resize", () => { if (box.open) show(); });

  return { open, refresh: () => { if (box.open) show(); } };
}
