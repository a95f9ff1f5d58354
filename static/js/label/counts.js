// How far it is: mine, left, in this sitting.

import { keep, kept } from "./kept.js";

const spaced = (number) => Number(number).toLocaleString("en").replaceAll(",", "\u202f");

export function count(bench, mine) {
  const find = (selector) => bench.querySelector(selector);
  const [left, bar] = [find("[data-left]"), find("progress")];
  const before = Number(bench.dataset.mine ?? mine);
  const step = Number(mine) - before;
  bench.dataset.mine = mine;
  find("[data-mine-shown]").textContent = spaced(mine);
  if (!step) return;
  const open = Math.max(Number(left.dataset.left) - step, 0);
  bar.dataset.done = Number(bar.dataset.done) + step;
  left.dataset.left = open;
  left.textContent = spaced(open);
  bar.value = bar.dataset.done / (open + Number(bar.dataset.done) || 1);
  const sitting = Math.max(Number(kept("label:sitting", "sessionStorage") ?? 0) + step, 0);
  keep("label:sitting", sitting, "sessionStorage");
  find("[data-sitting]").textContent = ` · ${sitting} in this sitting`;
  find("[data-sitting]").hidden = !sitting;
}
