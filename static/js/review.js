// One key decides a dispute: the classes' keys, c for nobody can tell, n for the next.
// One that is held down decides no more than the first.

const form = document.querySelector("[data-review]");

document.addEventListener("keydown", (event) => {
  const { target } = event;
  const typing = target.matches("textarea, select, input:not([type=checkbox])");
  if (!form || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  const key = digit ? (event.shiftKey ? `shift+${digit}` : digit) : event.key.toLowerCase();
  const button = [...form.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!button) return;
  event.preventDefault();
  button.click();
});
