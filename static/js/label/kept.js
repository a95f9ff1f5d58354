// What this browser keeps of how somebody likes the screen. Where it has no room, or may
// keep nothing, it is known until the page is left.

const meanwhile = new Map();

export function kept(name, place = "localStorage") {
  try {
    return meanwhile.get(name) ?? window[place].getItem(name);
  } catch {
    return null; // forbidden
  }
}

export function keep(name, value, place = "localStorage") {
  try {
    window[place].setItem(name, value);
    meanwhile.delete(name);
  } catch {
    meanwhile.set(name, String(value));
  }
}
