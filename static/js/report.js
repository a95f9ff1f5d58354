// A report is printed whole, by its button as by Ctrl-P: every drawing is fetched, also
// those nobody has scrolled to, and what is folded is open on paper.

const PATIENCE = 10_000; // then it is printed as far as it got
const waiting = () => [...document.querySelectorAll('figure[data-chart][data-state="loading"]')];

function drawn() {
  return new Promise((resolve) => {
    const end = Date.now() + PATIENCE;
    const look = () => (!waiting().length || Date.now() > end ? resolve() : setTimeout(look, 100));
    look();
  });
}

window.addEventListener("load", () => {
  for (const figure of waiting()) {
    figure.dispatchEvent(new CustomEvent("chart:ask", { bubbles: true, detail: { now: true } }));
  }
});

let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("main details.fold:not([open])")];
  for (const fold of folded) fold.open = true;
});
window.addEventListener("afterprint", () => {
  for (const fold of folded) fold.open = false;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    await drawn();
    button.disabled = false;
    window.print();
  });
}
