// Cards are leased for minutes: kept while somebody looks, and waited for where others
// have them.

import { token } from "./wire.js";

const HEARTBEAT = 60000;

export function keepLeases(address, leases, onLost) {
  async function renew() {
    const held = leases();
    if (document.hidden || !held.length) return;
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify({ leases: held }),
    }).catch(() => null);
    if (answer?.status === 409) onLost();
  }
  setInterval(renew, HEARTBEAT);
  document.addEventListener("visibilitychange", renew);
}

export function countDown(wait) {
  const end = Date.now() + 1000 * Number(wait.dataset.wait);
  setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    wait.querySelector("[data-count]").textContent = Math.max(left, 0);
    if (left <= 0 && !document.hidden) window.location.reload();
  }, 1000);
}
