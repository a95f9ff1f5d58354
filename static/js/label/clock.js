// Cards are leased for minutes: kept while somebody looks, and waited for where others
// have them, or where somebody is paused.

import { token } from "./wire.js";

const HEARTBEAT = 60000;
const AGAIN = 10000; // ms until a page is asked for once more

export async function tell(address, leases) {
  if (!leases.length) return null;
  return fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: JSON.stringify({ leases }),
  }).catch(() => null);
}

export function keepLeases(address, leases, onLost) {
  async function renew() {
    if (document.hidden) return;
    const answer = await tell(address, leases());
    if (answer?.status === 409) onLost();
  }
  setInterval(renew, HEARTBEAT);
  document.addEventListener("visibilitychange", renew);
}

// Then the page is loaded again, unless it could not be: without a connection it stays.
export function countDown(wait) {
  let end = Date.now() + 1000 * Number(wait.dataset.wait);
  setInterval(async () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    const shown = wait.querySelector("[data-count]");
    if (shown) shown.textContent = Math.max(left, 0);
    if (left > 0 || document.hidden) return;
    end = Date.now() + AGAIN;
    const answer = await fetch(window.location.href, { method: "HEAD" }).catch(() => null);
    if (answer?.ok) window.location.reload();
  }, 1000);
}
