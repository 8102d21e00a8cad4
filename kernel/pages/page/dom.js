// What all pages do with their documents.

export const byId = (id) => document.getElementById(id);

// make returns an element with attributes and children. An attribute that begins
// with "on" is a listener; one that is true is set without a value; one that is
// false, null or undefined is left out.
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// messages returns what shows a text in a box, for ms milliseconds or until the
// next text, and what shows a refusal with its hint.
export function messages(box) {
  let last = 0;
  function say(text, ms) {
    box.textContent = text;
    box.hidden = !text;
    const mine = ++last;
    if (ms) setTimeout(() => { if (mine === last) box.hidden = true; }, ms);
  }
  const complain = (refusal, ms) => say(refusal.hint ? `${refusal.error} (${refusal.hint})` : refusal.error ?? String(refusal), ms);
  return { say, complain };
}
