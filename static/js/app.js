// What every page needs: errors of background requests are said, never swallowed.

const toasts = document.getElementById("toasts");

function put(text, state) {
  const note = document.createElement("div");
  note.className = "notice";
  note.dataset.state = state;
  note.setAttribute("role", state === "bad" ? "alert" : "status");
  const words = document.createElement("span");
  words.textContent = text;
  note.append(words);
  toasts.append(note);
  return note;
}

export function toast(text, state = "good") {
  for (const note of [...toasts.children]) if (note.textContent === text) note.remove(); // said anew
  const note = put(text, state);
  setTimeout(() => note.remove(), state === "bad" ? 12000 : 5000);
}

// What asks by itself will ask again: one quiet note until that works. What is refused
// to it is said once, and it asks no more.
const polls = ({ requestConfig, elt }) =>
  requestConfig?.verb === "get" && elt.getAttribute("hx-trigger")?.includes("every");
const AWAY = [502, 503, 504];
const refused = new WeakSet();
const unsigned = new Set(); // whose session is over
let lost;
let signedOut;

function missed({ requestConfig, xhr }) {
  if (lost?.isConnected) return;
  const away = !xhr.status || AWAY.includes(xhr.status);
  lost = put(away ? "Connection lost, trying again." : `A part of this page could not be refreshed (${xhr.status}), trying again.`, "unknown");
  lost.about = requestConfig.elt.id;
}

// The page stays, with all that is typed in it.
function askToSignIn() {
  if (signedOut?.isConnected) return;
  signedOut = put("You are signed out. This page stays as it is: ", "warning");
  const link = document.createElement("a");
  link.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = "sign in again";
  signedOut.querySelector("span").append(link, ".");
}
document.addEventListener("signed-out", askToSignIn);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unsigned.clear(); // perhaps they signed in elsewhere
  signedOut?.remove();
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const { detail } = event;
  if (polls(detail) && (refused.has(detail.elt) || unsigned.has(detail.elt))) event.preventDefault();
});
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  const { detail } = event;
  if (!polls(detail) || detail.xhr.status !== 401) return;
  event.preventDefault(); // nor does it go to the sign-in
  unsigned.add(detail.elt);
  askToSignIn();
});
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  delete detail.elt.dataset?.sent; // it may be sent again at once
  const { status } = detail.xhr;
  // Of a part that was swapped its parent tells; the request knows whose it was.
  if (status && status < 500 && lost?.about === detail.requestConfig?.elt.id) lost.remove();
});

document.body.addEventListener("htmx:responseError", ({ detail }) => {
  const { xhr } = detail;
  if (polls(detail) && xhr.status >= 500) return missed(detail);
  if (polls(detail) && xhr.status !== 429) refused.add(detail.elt);
  let words = `The server answered ${xhr.status}.`;
  try {
    const problem = JSON.parse(xhr.responseText);
    words = problem.detail || problem.title || words;
  } catch {
    // Not JSON: the status has to do.
  }
  toast(words, "bad");
});
document.body.addEventListener("htmx:sendError", ({ detail }) => {
  if (polls(detail)) return missed(detail);
  const sent = detail.requestConfig?.verb !== "get";
  toast(`No connection. ${sent ? "What you sent was not stored; try again." : "Try again."}`, "bad");
});

// A second click must not send a form twice; <form data-confirm="…"> asks before.
const confirmation = document.getElementById("confirm");

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const question = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && form.dataset.sure !== "yes") {
    event.preventDefault();
    event.stopPropagation();
    ask(question, submitter?.textContent.trim() || "Yes").then((sure) => {
      if (!sure) return;
      form.dataset.sure = "yes";
      form.requestSubmit(submitter);
      delete form.dataset.sure;
    });
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 4000);
}, true);

confirmation.addEventListener("click", (event) => {
  const answer = event.target.closest("button")?.value;
  if (answer) confirmation.close(answer);
});

export function ask(question, yes) {
  confirmation.querySelector("p").textContent = question;
  confirmation.querySelector("[value=yes]").textContent = yes;
  confirmation.returnValue = "no";
  confirmation.showModal();
  return new Promise((resolve) => {
    confirmation.addEventListener(
      "close", () => resolve(confirmation.returnValue === "yes"), { once: true },
    );
  });
}

// Copy buttons: <button data-copy="#id">. Over http browsers have no clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    getSelection().selectAllChildren(text);
    if (!document.execCommand("copy")) {
      toast("It is selected: press Ctrl-C to copy it.", "unknown");
      return;
    }
  }
  toast("Copied.");
});

// Moments are said in the reader's own zone.
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) {
      time.title = moment.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    }
  }
}
localTimes(document);
document.body.addEventListener("htmx:afterSettle", (event) => localTimes(event.target));

// Light, dark, or as the system says: a cookie, so that the next page starts right.
const THEMES = ["", "light", "dark"];
const WORDS = { "": "Theme: system", light: "Theme: light", dark: "Theme: dark" };

function showTheme(button) {
  button.querySelector("span").textContent = WORDS[document.documentElement.dataset.theme ?? ""];
}
for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.hidden = false;
  showTheme(button);
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    document.cookie = `theme=${next}; path=/; max-age=${next ? 31536000 : 0}; samesite=lax`;
    showTheme(button);
    document.dispatchEvent(new CustomEvent("themechange"));
  });
}

// Paper is light whatever the screen is, and of its own width: charts are drawn for it.
const root = document.documentElement;
addEventListener("beforeprint", () => {
  root.dataset.paper = root.dataset.theme ?? "";
  root.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  const { paper } = root.dataset;
  delete root.dataset.paper;
  if (paper) root.dataset.theme = paper;
  else delete root.dataset.theme;
});

// On a phone the other places are a line that scrolls: where one is, is in sight.
for (const here of document.querySelectorAll(".rail .more [aria-current=page]")) {
  const line = here.closest(".more");
  line.scrollLeft += here.getBoundingClientRect().right - line.getBoundingClientRect().right;
}
