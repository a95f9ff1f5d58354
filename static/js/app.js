// What every page needs: errors of background requests are said, never swallowed.

const toasts = document.getElementById("toasts");

export function toast(text, state = "good") {
  const note = document.createElement("div");
  note.className = "notice";
  note.dataset.state = state;
  note.setAttribute("role", state === "bad" ? "alert" : "status");
  note.textContent = text;
  toasts.append(note);
  setTimeout(() => note.remove(), state === "bad" ? 12000 : 5000);
}

// One that was answered in the background may be sent again at once.
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  delete detail.elt.dataset?.sent;
});

document.body.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  let words = `The server answered ${xhr.status}.`;
  try {
    const problem = JSON.parse(xhr.responseText);
    words = problem.detail || problem.title || words;
  } catch {
    // Not JSON: the status has to do.
  }
  toast(words, "bad");
});
document.body.addEventListener("htmx:sendError", () => {
  toast("No connection. What you sent was not stored; try again.", "bad");
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

// Copy buttons: <button data-copy="#id">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
  toast("Copied.");
});

// A slider says its value: <input type="range" data-mirror="#id">.
document.addEventListener("input", (event) => {
  const mirror = event.target.dataset?.mirror;
  if (mirror) document.querySelector(mirror).textContent = event.target.value;
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
