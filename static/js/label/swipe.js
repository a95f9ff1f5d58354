// A finger drags the card to the right or to the left; up and down still scrolls.

const FAR = 90; // pixels

export function swipes(stack, onSwipe) {
  let start = null;
  stack.addEventListener("pointerdown", (event) => {
    const card = event.target.closest("[data-card]");
    const free = !event.target.closest("button, a, input, summary, label");
    if (event.pointerType === "touch" && card && free) {
      start = { x: event.clientX, y: event.clientY, card };
    }
  });
  stack.addEventListener("pointermove", (event) => {
    if (!start) return;
    const way = event.clientX - start.x;
    if (Math.abs(event.clientY - start.y) > Math.max(24, Math.abs(way))) return drop();
    start.card.style.translate = `${way}px 0`;
    start.card.dataset.way = Math.abs(way) < FAR ? "" : way > 0 ? "right" : "left";
  });
  stack.addEventListener("pointerup", () => {
    const { card } = start ?? {};
    const way = card?.dataset.way;
    drop();
    if (way) onSwipe(card, way);
  });
  stack.addEventListener("pointercancel", drop);

  function drop() {
    if (!start) return;
    start.card.style.translate = "";
    delete start.card.dataset.way;
    start = null;
  }
}
