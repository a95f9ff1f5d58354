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

// A second click must not send a form twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 4000);
});

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
