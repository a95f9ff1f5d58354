// Two tabs of one person hold different cards: a new tab asks which ones are taken.

const PATIENCE = 60; // ms; a tab that lives answers within a few, a busy one later

export class Tabs {
  // `late`: told of cards another tab shows, when it took longer than patience to say so.
  constructor(name, held, late) {
    this.me = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel(`label:${name}`) : null;
    this.asked = null;
    this.channel?.addEventListener("message", ({ data }) => {
      if (data.ask && data.from !== this.me) {
        const mine = data.ask.filter((id) => held().includes(id));
        if (mine.length && !this.asked) this.channel.postMessage({ mine, to: data.from });
      } else if (data.mine && data.to === this.me) {
        if (this.asked) this.asked.push(...data.mine);
        else late(data.mine);
      }
    });
  }

  // Which of these cards another tab shows already.
  async taken(ids) {
    if (!this.channel || !ids.length) return [];
    this.asked = [];
    this.channel.postMessage({ ask: ids, from: this.me });
    await new Promise((done) => setTimeout(done, PATIENCE));
    const found = this.asked;
    this.asked = null;
    return found;
  }
}
