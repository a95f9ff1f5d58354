// What an answer in the background says of a field stands under it, is read out with it,
// and the first of them has the focus.
document.body.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target.id !== "tried") return;
  const controls = [...document.querySelectorAll("form [aria-describedby$='_error']")];
  for (const control of controls) {
    const told = document.getElementById(control.getAttribute("aria-describedby"));
    control.setAttribute("aria-invalid", Boolean(told?.textContent.trim()));
  }
  const wrong = controls.find((control) => control.getAttribute("aria-invalid") === "true");
  wrong?.focus();
});
