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
    this.storage = usable(window.localStorage) ? window.localStorage : null;
    window.addEventListener("online", () => this.flush(true));
    window.addEventListener("storage", () => this.tell());
    window.addEventListener("beforeunload", (event) => {
      if (!this.storage && this.memory.size) event.preventDefault();
    });
  }

  items() {
    const texts = this.storage
      ? Object.keys(this.storage).filter((key) => key.startsWith(this.prefix))
          .map((key) => [key, this.storage.getItem(key)])
      : [...this.memory];
    return texts.filter(([, text]) => text)
      .map(([key, text]) => ({ ...JSON.parse(text), key }))
      .sort((a, b) => a.at - b.at);
  }

  put(item) {
    const at = Math.max(Date.now(), (this.last ?? 0) + 1);
    this.last = at;
    const key = `${this.prefix}${at}:${item.fields.client_key}`;
    const text = JSON.stringify({ ...item, at });
    try {
      (this.storage ?? { setItem: (k, t) => this.memory.set(k, t) }).setItem(key, text);
    } catch {
      this.memory.set(key, text); // the disk is full: at least until the tab is closed
    }
    this.flush();
    setTimeout(() => this.tell(), QUIET + 50);
  }

  drop(item) {
    this.storage?.removeItem(item.key);
    this.memory.delete(item.key);
    this.tell();
  }

  // The newest answer that is not on its way yet: it can be taken back right here.
  newest() {
    const item = this.items().at(-1);
    return item && item.key !== this.sending ? item : null;
  }

  async idle() {
    while (this.sending) await new Promise((done) => setTimeout(done, 20));
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
      this.refused(item, answer.reason);
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

function usable(storage) {
  try {
    storage.setItem("label:try", "1");
    storage.removeItem("label:try");
    return true;
  } catch {
    return false;
  }
}
