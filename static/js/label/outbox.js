// Answers on their way: kept in this browser until the server has them, sent in order,
// tried again with back-off. One key of localStorage an answer, so two tabs never
// overwrite each other; each carries its client_key, so sending twice stores once.

const QUIET = 2000; // ms in which nobody is told that an answer is on its way
const LONGEST = 30000;

export class Outbox {
  constructor({ name, send, taken, refused, changed }) {
    Object.assign(this, { send, taken, refused, changed });
    this.prefix = `label:${name}:`;
    this.memory = new Map();
    this.sending = null;
    this.failures = 0;
    this.reason = "";
    this.storage = storage();
    window.addEventListener("online", () => this.flush(true));
    window.addEventListener("storage", () => this.tell());
    window.addEventListener("beforeunload", (event) => {
      if (this.memory.size) event.preventDefault();
    });
  }

  items() {
    const stored = Object.keys(this.storage ?? {}).filter((key) => key.startsWith(this.prefix))
      .map((key) => [key, this.storage.getItem(key)]);
    return [...new Map([...stored, ...this.memory])].filter(([, text]) => text)
      .map(([key, text]) => ({ ...JSON.parse(text), key }))
      .sort((a, b) => a.at - b.at);
  }

  put(item) {
    const at = Math.max(Date.now(), (this.last ?? 0) + 1);
    this.last = at;
    this.keep({ ...item, at, key: `${this.prefix}${at}:${item.fields.client_key}` });
    this.flush();
    setTimeout(() => this.tell(), QUIET + 50);
  }

  keep({ key, ...item }) {
    const text = JSON.stringify(item);
    try {
      this.storage.setItem(key, text);
      this.memory.delete(key);
    } catch {
      this.memory.set(key, text); // no storage, or it is full: until the tab is closed
    }
  }

  drop(item) {
    this.storage?.removeItem(item.key);
    this.memory.delete(item.key);
    this.tell();
  }

  // The newest answer, where it was never sent: it can be taken back right here. What
  // was sent may have arrived, also where no receipt came: only the server takes it back.
  newest() {
    const item = this.items().at(-1);
    return item && !item.tried ? item : null;
  }

  // Whether the server has all, after one more try of at most so many milliseconds.
  async emptied(patience) {
    const end = Date.now() + patience;
    this.flush(true);
    while (this.items().length && Date.now() < end && (this.sending || !this.failures)) {
      await new Promise((done) => setTimeout(done, 20));
    }
    return !this.items().length;
  }

  async flush(now = false) {
    clearTimeout(this.timer);
    if (this.sending || (this.failures && !now)) {
      if (!this.sending) this.later();
      return;
    }
    const [item] = this.items();
    if (!item) return;
    this.sending = item.key;
    if (!item.tried) this.keep({ ...item, tried: true });
    const answer = await this.send(item).catch(() => ({ state: "lost" }));
    this.sending = null;
    if (answer.state === "taken") {
      this.failures = 0;
      this.reason = "";
      this.drop(item);
      this.taken(item, answer);
    } else if (answer.state === "refused") {
      this.failures = 0;
      this.drop(item);
      this.refused(item, answer);
    } else {
      this.failures += 1;
      this.reason = answer.reason ?? "";
      this.tell();
      this.later();
      return;
    }
    this.flush();
  }

  later() {
    const pause = Math.min(1000 * 2 ** (this.failures - 1), LONGEST);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(true), pause);
  }

  tell() {
    const items = this.items();
    const late = items.length && Date.now() - items[0].at > QUIET;
    this.changed(this.failures || late ? items.length : 0, this.reason);
  }
}

// Also one that is full: what it holds is to be sent.
function storage() {
  try {
    return window.localStorage;
  } catch {
    return null; // forbidden
  }
}
