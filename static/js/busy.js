// A button whose work takes seconds says so: <button data-busy="Making the project…">.

document.addEventListener("submit", ({ submitter, defaultPrevented }) => {
  const words = submitter?.dataset.busy;
  if (!words || defaultPrevented) return;
  submitter.dataset.idle = submitter.textContent;
  submitter.textContent = words;
  submitter.setAttribute("aria-busy", "true");
});

// Back from the next page: the button is itself again.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[aria-busy]")) {
    button.textContent = button.dataset.idle;
    button.removeAttribute("aria-busy");
  }
});
