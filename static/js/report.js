// Printing a report: every drawing is fetched first, also those nobody has scrolled to.

const PATIENCE = 10_000; // then it is printed as far as it got
const waiting = () => [...document.querySelectorAll('figure[data-chart][data-state="loading"]')];

function drawn() {
  return new Promise((resolve) => {
    const end = Date.now() + PATIENCE;
    const look = () => (!waiting().length || Date.now() > end ? resolve() : setTimeout(look, 100));
    look();
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    for (const figure of waiting()) {
      figure.dispatchEvent(new CustomEvent("chart:ask", { bubbles: true, detail: { now: true } }));
    }
    for (const fold of document.querySelectorAll("main details.fold")) fold.open = true;
    await drawn();
    button.disabled = false;
    window.print();
  });
}
