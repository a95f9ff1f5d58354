// The monitor page: a span brushed on one chart counts for all of them and stands in the
// address; a slider prices another threshold from the numbers of its chart.

const ask = (figure, detail) => figure.dispatchEvent(new CustomEvent("chart:ask", { bubbles: true, detail }));
const form = document.querySelector("[data-watch]");
const told = document.getElementById("brushed");
const stamp = (text) => String(text).replace(" ", "T").slice(0, 16);

form?.addEventListener("change", (event) => {
  if (event.target.matches("[data-at-once]")) form.requestSubmit();
});
// Empty fields would only make the address long.
form?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  if (formData.get("from") || formData.get("to")) formData.delete("period");
});

function address(url, range) {
  const [place, question = ""] = url.split("?");
  const asked = new URLSearchParams(question);
  asked.delete("period");
  asked.set("from", stamp(range.from));
  asked.set("to", stamp(range.to));
  return `${place}?${asked}`;
}

document.addEventListener("chart:range", ({ target, detail: range }) => {
  if (target.dataset.link !== "time") return;
  for (const figure of document.querySelectorAll('[data-link="within"]')) {
    figure.dataset.whole ??= figure.dataset.chart;
    ask(figure, { url: range ? address(figure.dataset.whole, range) : figure.dataset.whole });
  }
  const whole = history.state?.whole ?? location.href;
  history.replaceState({ whole }, "", range ? address(location.pathname + location.search, range) : whole);
  told.hidden = !range;
  if (!range) return;
  told.querySelector("span").textContent = `Only ${stamp(range.from).replace("T", " ")} to ${stamp(range.to).replace("T", " ")} UTC.`;
  const note = document.getElementById("note-at");
  if (note && !note.value) note.value = stamp(range.from);
});
told?.querySelector("button").addEventListener("click", () =>
  ask(document.querySelector('[data-link="time"]'), { range: null }));

const box = document.querySelector("[data-threshold]");
const slider = box?.querySelector("input");
const nice = (number) => number.toLocaleString("en", { maximumSignificantDigits: 3 })
  .replaceAll(",", "\u202f").replace("-", "\u2212");
const share = (part) => (part === null ? "none" : `${(part * 100).toFixed(part < 0.1 ? 1 : 0)}\u00a0%`);

function words({ edges, flagged, precision, recall, cost, now, currency }, at) {
  const found = `${share(flagged[at])} of predictions are acted on; ${share(precision[at])} of those are right, ${share(recall[at])} of all cases are found.`;
  if (!cost) return found;
  const gap = now === null ? "" : `, ${nice(Math.abs(cost[at] - now))} ${cost[at] <= now ? "less" : "more"} than what was done`;
  return `Costs ${nice(cost[at])} ${currency} a prediction${gap}. ${found}`;
}

function show(figure, extra) {
  const at = Number(slider.value);
  const edge = extra.edges[at];
  const score = edge.toFixed(edge < 0.1 ? 3 : 2);
  box.querySelector("output").textContent = score;
  slider.setAttribute("aria-valuetext", score); // its value is a place among the edges
  box.querySelector("[role=status]").textContent = words(extra, at);
  ask(figure, { edit: ({ layout }) => Object.assign(layout.shapes[0], { x0: edge, x1: edge }) });
}

document.addEventListener("chart:data", ({ target, detail: { extra, rows } }) => {
  if (target.id !== "threshold" || !box) return;
  box.toggleAttribute("data-idle", !rows.length);
  if (!rows.length) return;
  slider.max = extra.edges.length - 1;
  slider.value = extra.start;
  slider.oninput = () => show(target, extra);
  show(target, extra);
});
