// Parts of a page that keep themselves up to date: <section id="run" data-etag="…"
// hx-get hx-trigger="every 2s" hx-swap="outerHTML">. The server answers 304 while
// nothing is new; what was folded open, focused or scrolled stays so; clocks tick here.
// Nothing changes under a hand: not while a dialog asks, nor while a button is pressed.

const kept = new WeakMap();
const part = (event) => event.detail.elt?.closest?.("[data-etag]");
let pressed = null; // the part that the pointer is down on
const inHand = (live) => live === pressed || document.querySelector("dialog[open]");

document.addEventListener("pointerdown", ({ target, button }) => {
  pressed = (button === 0 && target.closest?.("[data-etag]")) || null;
}, true);
// The end of a press may go elsewhere: to a menu, to what something is dragged to.
for (const over of ["pointerup", "pointercancel", "contextmenu", "dragend"]) {
  document.addEventListener(over, () => { pressed = null; }, true);
}
window.addEventListener("blur", () => { pressed = null; });

document.body.addEventListener("htmx:configRequest", (event) => {
  const live = part(event);
  if (live && event.detail.verb === "get") event.detail.headers["If-None-Match"] = live.dataset.etag;
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const live = event.detail.requestConfig.verb === "get" && part(event);
  if (live && (document.hidden || inHand(live))) event.preventDefault(); // nobody looks
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const live = part(event);
  if (!live) return;
  if (event.detail.xhr.status === 304 || inHand(live)) {
    event.detail.shouldSwap = false;
    return;
  }
  kept.set(document.body, {
    open: [...live.querySelectorAll("details[id]")].map(({ id, open }) => [id, open]),
    scrolled: [...live.querySelectorAll("[id]")]
      .filter((one) => one.scrollTop)
      .map(({ id, scrollTop }) => [id, scrollTop]),
    focused: live.contains(document.activeElement) && [document.activeElement.id, live.id],
  });
});

document.body.addEventListener("htmx:afterSwap", () => {
  const before = kept.get(document.body);
  if (!before) return;
  kept.delete(document.body);
  for (const [id, open] of before.open) {
    const details = document.getElementById(id);
    if (details) details.open = open;
  }
  for (const [id, top] of before.scrolled) {
    const box = document.getElementById(id);
    if (box) box.scrollTop = top;
  }
  if (before.focused) focus(before.focused.map((id) => document.getElementById(id)).find(Boolean));
  tick();
});

// What had the focus; where it is gone, as a button whose time is over, the part itself,
// so that the next Tab goes on from there.
function focus(one) {
  if (one?.dataset.etag !== undefined) one.tabIndex = -1;
  one?.focus({ preventScroll: true });
}

// <span data-since="2026-01-01T10:00:00Z">12 s</span> counts on; <progress data-since
// data-until> fills up.
function tick() {
  const now = Date.now();
  for (const one of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.round((now - Date.parse(one.dataset.since)) / 1000));
    if (one.dataset.until) {
      const whole = (Date.parse(one.dataset.until) - Date.parse(one.dataset.since)) / 1000;
      one.value = Math.min(seconds / Math.max(whole, 1), 0.99);
    } else {
      one.textContent = words(seconds);
    }
  }
}

function words(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

setInterval(tick, 1000);
tick();
