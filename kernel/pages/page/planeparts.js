// What the linked plane is drawn with: marks, ticks, labels and pictures.
// make adds an SVG element.
export function make(parent, name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// shapes are told apart without colour.
export const shapes = {
  sample: "M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z",
  single: "M6.5 0A6.5 6.5 0 1 1 -6.5 0A6.5 6.5 0 1 1 6.5 0Z",
  method: "M-5 -5H5V5H-5Z",
  control: "M-3.5 0H3.5M0 -3.5V3.5",
  all: "M-7.5 0H7.5M0 -7.5V7.5", // the control that averages every sample
  ensemble: "M0 -10L2.4 -3.2L9.5 -3.1L3.8 1.2L5.9 8.1L0 4L-5.9 8.1L-3.8 1.2L-9.5 -3.1L-2.4 -3.2Z",
};

// steps sets four to eight ticks, one, two or five units of a power of ten apart.
export function steps(low, high) {
  const rough = (high - low) / 8;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * unit >= rough) * unit;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const out = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) out.push([k * step, (k * step + 0).toFixed(Math.min(digits, 8))]);
  return out;
}

// label names the few points that are not samples, where there is room
// between the frame's right edge and its base.
export function label(svg, marks, edge, base) {
  const taken = [];
  for (const mark of marks) {
    const { point } = mark;
    if (!["method", "ensemble"].includes(point.kind) && !(point.kind === "control" && !point.seeds)) continue;
    const text = make(svg, "text", { class: "label" });
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

// nearest is the mark within so many pixels of a place.
export function nearest(marks, x, y, within) {
  let best = null, least = within ** 2;
  for (const m of marks) {
    const d = (m.x - x) ** 2 + (m.y - y) ** 2;
    if (d <= least) [best, least] = [m, d]; // the last drawn lies on top
  }
  return best;
}

// paint shows one tile of a sheet in an element, each pixel as many whole
// screen pixels as fit.
export function paint(element, sheet, tile, side) {
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

// meanPicture averages tiles of a sheet, as a sheet of one; half a level is
// rounded up, as the engine does.
export async function meanPicture({ width, height, columns, url }, tiles) {
  const sheet = new Image();
  sheet.src = url;
  await sheet.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const sums = new Float64Array(4 * width * height);
  for (const tile of tiles) {
    context.drawImage(sheet, -(tile % columns) * width, -Math.floor(tile / columns) * height);
    context.getImageData(0, 0, width, height).data.forEach((v, i) => { sums[i] += v; });
  }
  const out = context.createImageData(width, height);
  sums.forEach((sum, i) => { out.data[i] = Math.floor(sum / tiles.length + 0.5); });
  context.putImageData(out, 0, 0);
  return { url: canvas.toDataURL(), width, height, columns: 1, tiles: 1 };
}
