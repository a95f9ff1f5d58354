// Which key was meant, on any keyboard, and whether it is only typing.

export function keyOf(event) {
  if (event.key === "?") return "?";
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1] ?? /^\d$/.exec(event.key)?.[0];
  if (digit) return event.shiftKey ? `shift+${digit}` : digit;
  return event.key === "Backspace" ? "u" : event.key.toLowerCase();
}

export function isTyped({ key }, target) {
  if (!target.matches("input, textarea, select") || target.type === "checkbox") return false;
  if (!target.matches("[data-number]")) return true;
  if (key === "Enter") return false;
  const empty = target.value === "";
  return /^[\d.,+\-\u2212]$/.test(key) || (key === "e" && !empty)
    || (key.length > 1 && !(key === "Backspace" && empty));
}

// What has the focus and hears this key itself: the browser presses it.
export function isPressed(key, target) {
  if (key === " " && target.matches("[type=checkbox]")) return true;
  return [" ", "enter"].includes(key) && target.matches("button, a, summary");
}

// What the browser would have done with this key in a field, at its end.
export function type({ key }, field) {
  if (!field.matches("textarea, input:not([type=checkbox])")) return;
  if (key === "Backspace") field.value = field.value.slice(0, -1);
  else if ([...key].length === 1) field.value += key;
}
