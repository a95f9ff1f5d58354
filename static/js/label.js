// One key answers: 1-9 and 0 for classes, Space skips, u takes back.

const form = document.querySelector("form[data-label]");

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (!form || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key === "Backspace" ? "u" : event.key;
  const button = [...form.querySelectorAll("[data-key]")].find((b) => b.dataset.key === key);
  if (!button) return;
  event.preventDefault();
  button.click();
});
form?.querySelector(".item")?.focus();
