// The labelling screen: a key answers, the next card is shown at once, and what was said
// goes out in the background. See label/outbox.js for what happens without a connection.

import { countDown, keepLeases, tell } from "./label/clock.js";
import { count } from "./label/counts.js";
import { keep, kept } from "./label/kept.js";
import { isPressed, isTyped, keyOf, type } from "./label/keys.js";
import { Outbox } from "./label/outbox.js";
import { swipes } from "./label/swipe.js";
import { Tabs } from "./label/tabs.js";
import { post } from "./label/wire.js";

const HELD = 3; // one card seen, two behind it
const DEPTH = 20; // of undo
const PATIENCE = 5000; // ms that keys wait for what is taken back
const bench = document.querySelector("[data-bench]");
const stack = bench.querySelector("[data-stack]");
const find = (selector) => bench.querySelector(selector);
const dialog = (name) => document.getElementById(name);
const send = (fields, limit) => post(bench.dataset.step, fields, limit);
const cards = () => [...stack.querySelectorAll("[data-card]")];
const current = () => stack.firstElementChild;
const idOf = (card) => card.dataset.example;
const leases = (held = cards()) => held.map((card) => card.elements.lease.value);

const gone = new Map(); // answered cards, by example: an undo brings them back
let busy = true; // keys wait meanwhile, none is lost
let waiting = [];
let dry = false; // the queue has nothing more for me
let elsewhere = false; // my other window has it
let halfway = false; // an undo whose answer never came: it may have been done
let astray = false; // so it was, perhaps, and nobody pressed u again
let refilling = false;
let again = 0; // timer of a refill that found no connection
const began = cards().length > 0; // else the server has said already why there are none

const outbox = new Outbox({
  name: bench.dataset.outbox,
  // Two that ask at once would get the second's cards before the first's.
  send: (item) => send({ ...item.fields, next: refilling ? 0 : Math.max(HELD - cards().length, 0) }),
  taken: (item, answer) => {
    take(answer);
    if (astray && !outbox.items().length) search();
  },
  refused: (item, { reason, mend }) => {
    const card = mend && gone.get(item.fields.example);
    if (card) stack.prepend(card); // with what was typed
    say(`Not stored: ${reason}`, "bad");
    settle();
  },
  changed: (unsent, reason) => {
    const note = find("[data-unsent]");
    note.hidden = !unsent;
    note.textContent = unsent ? `${unsent} unsent${reason ? `: ${reason}` : ""}` : "";
  },
});
const tabs = new Tabs(bench.dataset.outbox, () => cards().map(idOf), (taken) => {
  leave(taken);
  settle();
  refill();
});

// --- what goes to the server, and what comes back

function take(answer, { front = false } = {}) {
  const box = document.createElement("template");
  box.innerHTML = answer.html;
  const step = box.content.querySelector("[data-step]");
  if (!step) return;
  count(bench, step.dataset.mine);
  find("[data-next-run]").textContent = step.dataset.nextRun ?? "";
  const paused = step.querySelector("[data-paused]");
  if (paused) pause(paused);
  dry = "dry" in step.dataset;
  const here = new Set([...cards().map(idOf), ...outbox.items().map((i) => i.fields.example)]);
  const fresh = [...step.querySelectorAll("[data-card]")];
  if (find("[data-paused]")) tell(bench.dataset.release, leases(fresh.splice(0))); // asked before
  for (const card of fresh) {
    if (here.has(idOf(card)) && !front) continue;
    for (const old of cards().filter((one) => idOf(one) === idOf(card))) old.remove();
    if (front) stack.prepend(card);
    else stack.append(card);
    ready(card);
  }
  settle();
}

// Nobody labels on while paused: what is answered is sent, the other cards go back.
function pause(box) {
  tell(bench.dataset.release, leases());
  for (const card of cards()) card.remove();
  if (find("[data-paused]")) return; // by an answer before
  find("[data-why]").replaceChildren(box);
  countDown(box);
}

async function refill() {
  const missing = HELD - cards().length;
  if (missing <= 0 || dry || refilling || outbox.items().length || find("[data-paused]")) return;
  refilling = true;
  const answer = await send({ do: "more", next: missing }).catch(() => ({ state: "lost" }));
  refilling = false;
  if (answer.state === "taken") return take(answer);
  if (answer.reason) say(answer.reason, "bad");
  if (answer.state === "lost" && !current()) offline(answer.reason);
}

// The card that such an undo took back comes behind the others.
async function search() {
  astray = false;
  const fields = { do: "more", halfway: "yes", here: cards().map(idOf) };
  const answer = await send(fields).catch(() => ({ state: "lost" }));
  astray = answer.state === "lost";
  if (answer.state === "taken") take(answer);
}

// --- what is on the screen

function settle() {
  const first = current();
  for (const card of cards()) card.hidden = card !== first;
  if (first && stack.dataset.seen !== idOf(first)) {
    stack.dataset.seen = idOf(first);
    focus(first);
  }
  if (!first) empty();
  else find("[data-note]").hidden = true;
}

function focus(card) {
  if (document.querySelector("dialog[open]")) return;
  const place = card.querySelector("[data-number]") ?? card.querySelector(".item");
  place.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function empty() {
  delete stack.dataset.seen;
  const unsent = outbox.items().length;
  if (!began || find("[data-paused]")) return;
  if (!unsent && !dry) refill();
  else if (!unsent && !elsewhere) window.location.reload(); // the server says what now
  else if (!unsent) {
    note("Another window has what is left", "You have cards open in another window or tab. Go on there, or close it and load this page again.");
  } else if (outbox.failures) offline(outbox.reason);
}

function offline(reason) {
  const unsent = outbox.items().length ? "Your answers are kept in this browser, and sent as soon as the server takes them. " : "";
  note(reason ? `Nothing more to show: ${reason}` : "Nothing more to show without a connection", `${unsent}The page goes on by itself.`);
  clearTimeout(again);
  again = setTimeout(refill, PATIENCE);
}

function note(title, text) {
  const box = find("[data-note]");
  box.querySelector("h2").textContent = title;
  box.querySelector("p").textContent = text;
  box.hidden = false;
}

function say(text, state = "") {
  const line = find("[data-last]");
  line.textContent = text;
  line.dataset.state = state;
}

function ready(card) {
  const beside = card.querySelector("details.beside");
  if (!beside) return;
  beside.open = kept("label:beside") === "open";
  beside.addEventListener("toggle", () => keep("label:beside", beside.open ? "open" : ""));
}

// --- what a person does

function answer(card, fields, words) {
  const form = new FormData(card);
  const named = { example: form.get("example"), lease: form.get("lease"), client_key: newKey() };
  gone.set(named.example, card);
  if (gone.size > DEPTH) gone.delete(gone.keys().next().value);
  card.remove();
  if (halfway) [halfway, astray] = [false, true];
  say(`Last: ${words}`);
  outbox.put({ fields: { ...named, ...fields }, words });
  find("[data-undo] button").hidden = false;
  settle();
}

// A new one each time a card is answered: the same key is the same answer sent again.
function newKey() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16).padStart(8, "0")).join("");
}

function press(button) {
  const card = current();
  if (!card) return;
  if (button.matches("[data-flag]")) return open("flag");
  if (button.value === "skip") return open("skip");
  if (button.value === "cannot_tell") return answer(card, { do: "cannot_tell" }, "Cannot tell");
  if (button.matches("[data-save]")) return save(card);
  answer(card, { do: "answer", value: button.value }, button.value);
}

function save(card) {
  const input = card.querySelector("[data-number]");
  if (!input) {
    const chosen = [...card.querySelectorAll("[name=value]:checked")].map((box) => box.value);
    return answer(card, { do: "answer", value: chosen }, chosen.join(", ") || "none of them");
  }
  const said = input.value.trim() || card.querySelector("[data-save]").dataset.value || "";
  const number = said.replace(",", ".").replace("\u2212", "-");
  const wrong = number === "" || !Number.isFinite(Number(number));
  card.querySelector(".error").hidden = !wrong;
  if (wrong) return input.focus();
  answer(card, { do: "answer", value: number }, number);
}

async function undo() {
  if (find("[data-paused]")) return say("You are paused. Change an answer under My answers.", "bad");
  const item = outbox.newest();
  const card = item && gone.get(item.fields.example);
  if (card) {
    outbox.drop(item);
    stack.prepend(card);
    say(`Taken back: ${item.words}`);
    return settle();
  }
  busy = true;
  say("Taking it back…");
  const wrong = await undoThere();
  const dropped = wrong && waiting.splice(0).length; // meant for the card that did not come
  if (wrong) say(`${wrong}${dropped ? " Keys pressed meanwhile were dropped." : ""}`, "bad");
  free();
}

// By the server, of all that is there by then; what went wrong, in words.
async function undoThere() {
  if (!(await outbox.emptied(PATIENCE))) return "No connection: what may have arrived can be taken back once the server answers.";
  const fields = { do: "undo", here: cards().map(idOf), ...(halfway && { halfway: "yes" }) };
  const answer = await send(fields, PATIENCE).catch(() => ({ state: "lost" }));
  halfway = answer.state === "lost";
  if (halfway) return `Not taken back: ${answer.reason ?? "the server does not answer"}. Press u again.`;
  if (answer.state === "refused") return answer.reason;
  say("Taken back");
  take(answer, { front: true });
  return "";
}

function open(name) {
  const box = dialog(name);
  if (!box) return;
  box.showModal();
  if (name === "skip") box.focus(); // Space is for no reason, not for the first one
  if (name === "guideline") {
    keep(`label:guideline:${bench.dataset.outbox}`, find("[data-version]").dataset.version);
    delete find("[data-version]").dataset.fresh;
  }
}

function skip(reason) {
  const card = current();
  dialog("skip").close();
  dialog("skip").querySelector("input").value = "";
  if (card) answer(card, { do: "skip", reason }, reason ? `Skipped: ${reason}` : "Skipped");
}

async function flag() {
  const [box, card] = [dialog("flag"), current()];
  const field = box.querySelector("textarea");
  if (!field.reportValidity() || !card) return;
  const answer = await send({ do: "flag", example: idOf(card), comment: field.value })
    .catch(() => ({ state: "lost" }));
  if (answer.state === "taken") {
    box.close();
    field.value = "";
    say("Flagged: the reviewers see it.");
  } else {
    field.setCustomValidity(answer.reason ?? "No connection. Your words are still here.");
    field.reportValidity();
    field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  }
}

// --- keys

function handle(event, target = event.target) {
  const box = document.querySelector("dialog[open]");
  if (box) return inDialog(event, box, target);
  const key = keyOf(event);
  if (isTyped(event, target) || isPressed(key, target)) return false;
  const card = current();
  if (key === "u") undo();
  else if (key === "g" || key === "?") open(key === "g" ? "guideline" : "keys");
  else if (!card) return false;
  else if (key === "e") card.querySelector("details.beside summary")?.click();
  else if (key === "enter") accept(card);
  else {
    const meant = [...card.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
    if (!meant) return false;
    if (meant.type === "checkbox") meant.checked = !meant.checked;
    else press(meant);
  }
  return true;
}

function accept(card) {
  const target = card.querySelector("[data-save]") ?? card.querySelector("[data-suggested]");
  if (target) press(target);
}

function inDialog(event, box, target) {
  if (box.id === "flag" && event.key === "Enter" && event.ctrlKey) return flag() || true;
  if (box.id === "skip" && event.key === "Enter" && target.matches("input")) {
    skip(target.value.trim());
    return true;
  }
  const key = keyOf(event);
  if (target.matches("input, textarea") || isPressed(key, target)) return false;
  const button = [...box.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (button) button.click();
  else if ((key === "g" && box.id === "guideline") || (key === "?" && box.id === "keys")) box.close();
  else return false;
  return true;
}

// A key that waited is for what is there by now; the browser types it no more.
function replay(event) {
  const box = document.querySelector("dialog[open]");
  const place = box ? document.activeElement : current()?.querySelector("[data-number]");
  if (!handle(event, place ?? event.target) && place) type(event, place);
}

function free() {
  busy = false;
  for (const event of waiting.splice(0)) {
    if (busy) waiting.push(event);
    else replay(event);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.altKey || event.isComposing) return;
  const palette = document.querySelector("dialog[open]:is(#palette, #confirm)");
  if (palette || (event.ctrlKey && event.key !== "Enter")) return;
  if (event.repeat) {
    // Held down it may type, scroll and go on; the browser would press the button anew.
    if (["Enter", " "].includes(event.key) && !isTyped(event, event.target)) event.preventDefault();
    return;
  }
  if (busy) waiting.push(event);
  if (busy || handle(event)) event.preventDefault();
});

// --- fingers and mice

stack.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  if (!busy) press(button);
});
stack.addEventListener("submit", (event) => event.preventDefault());
find("[data-undo]").addEventListener("click", (event) => {
  if (!event.target.closest("button")) return;
  event.preventDefault();
  if (!busy) undo();
});
for (const button of bench.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => open(button.dataset.open));
}
for (const button of dialog("skip").querySelectorAll("[data-reason]")) {
  button.addEventListener("click", () => skip(button.dataset.reason));
}
dialog("skip").querySelector("[data-own]").addEventListener("click", () => {
  const field = dialog("skip").querySelector("input");
  const words = field.value.trim();
  if (words) skip(words);
  else field.focus();
});
dialog("flag").querySelector("[data-send]").addEventListener("click", flag);
dialog("flag").querySelector("[data-close]").addEventListener("click", () => dialog("flag").close());
for (const box of ["skip", "flag", "guideline", "keys"].map(dialog).filter(Boolean)) {
  box.addEventListener("close", () => current() && focus(current()));
}
swipes(stack, (card, way) => {
  if (busy) return;
  if (bench.dataset.positive) {
    const buttons = [...card.querySelectorAll("button[name=value]")];
    const yes = buttons.find((one) => one.value === bench.dataset.positive);
    press(way === "right" ? yes : buttons.find((one) => one !== yes));
  } else if (way === "right") accept(card);
  else open("skip");
});

// --- the beginning

keepLeases(
  bench.dataset.renew,
  leases,
  () => {
    for (const card of cards().slice(1)) card.remove(); // somebody else may have them
    dry = false;
    refill();
  },
);
if (find("[data-wait]")) countDown(find("[data-wait]"));

// Cards that my other window shows.
function leave(taken) {
  if (taken.length) elsewhere = true;
  for (const card of cards()) if (taken.includes(idOf(card))) card.remove();
}

async function start() {
  for (const hidden of bench.querySelectorAll(".script[hidden]:not([data-sitting])")) hidden.hidden = false;
  if (find(".touch")) find(".touch").hidden = !window.matchMedia("(pointer: coarse)").matches;
  const version = find("[data-version]");
  const read = kept(`label:guideline:${bench.dataset.outbox}`);
  if (version && read !== version.dataset.version) version.dataset.fresh = "";
  const unsent = new Set(outbox.items().map((item) => item.fields.example));
  for (const card of cards()) {
    ready(card);
    if (!unsent.has(idOf(card))) continue;
    gone.set(idOf(card), card); // answered before the page was loaded again
    card.remove();
  }
  const first = current();
  if (first) settle();
  leave(await tabs.taken(cards().map(idOf)));
  if (first) settle();
  outbox.flush(true);
  if (began) refill();
  free();
  bench.dataset.ready = "";
}
start();
