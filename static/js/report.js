// Printing a report: every drawing is fetched first, also those nobody has scrolled to.
import { reload } from "./charts.js";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const frames = [...document.querySelectorAll("figure[data-chart]")];
    await Promise.allSettled(frames.map((figure) => reload(figure)));
    button.disabled = false;
    window.print();
  });
}
