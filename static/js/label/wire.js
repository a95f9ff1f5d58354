// A deed of the labelling screen, in the background: "taken", "refused" for good, or
// "lost", which is tried again.

const FINAL = [400, 404, 409, 422];
export const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

export async function post(address, fields, limit = 20000) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...fields, csrfmiddlewaretoken: token() })) {
    for (const one of [value].flat()) body.append(name, one);
  }
  const answer = await fetch(address, {
    method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(limit),
    headers: { Accept: "application/problem+json, text/html" },
  });
  if (answer.type === "opaqueredirect") return { state: "lost", reason: "sign in again" };
  const text = await answer.text();
  if (answer.ok) return { state: "taken", html: text };
  const reason = detail(text, answer.status);
  const state = FINAL.includes(answer.status) ? "refused" : "lost";
  return { state, reason, mend: answer.status === 400 }; // another value may be right
}

function detail(text, status) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return status === 403 ? "load this page again to send it" : `the server answered ${status}`;
  }
}
