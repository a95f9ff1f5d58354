// Ctrl-K or ⌘K: go to any place or project by a few letters.

const dialog = document.getElementById("palette");
let options = [];
let chosen = 0;
let lost = ""; // why there is nothing to choose from

const input = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
const none = dialog.querySelector(".empty");
const unnamed = none.textContent;

async function open() {
  if (dialog.open) return;
  input.value = "";
  dialog.showModal();
  input.focus();
  if (!list.firstElementChild) {
    lost = "";
    list.innerHTML = await places().catch((error) => {
      lost = `${error instanceof TypeError ? "No connection." : error.message} Close this, and open it again.`;
      return "";
    });
  }
  narrow();
}

async function places() {
  const answer = await fetch(dialog.dataset.from, { headers: { "HX-Request": "true" } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.text();
}

function narrow() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of list.querySelectorAll("[role=option]")) {
    link.hidden = !words.every((word) => link.dataset.words.includes(word));
  }
  for (const group of list.querySelectorAll("[role=group]")) {
    group.hidden = !group.querySelector("[role=option]:not([hidden])");
  }
  options = [...list.querySelectorAll("[role=option]:not([hidden])")];
  none.hidden = options.length > 0;
  none.textContent = lost || unnamed;
  choose(0);
}

function choose(index) {
  chosen = Math.max(0, Math.min(index, options.length - 1));
  options.forEach((link, i) => link.setAttribute("aria-selected", String(i === chosen)));
  const link = options[chosen];
  input.setAttribute("aria-activedescendant", link?.id ?? "");
  link?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    open();
  } else if (dialog.open && event.key === "ArrowDown") {
    event.preventDefault();
    choose(chosen + 1);
  } else if (dialog.open && event.key === "ArrowUp") {
    event.preventDefault();
    choose(chosen - 1);
  } else if (dialog.open && event.key === "Enter" && options[chosen]) {
    event.preventDefault();
    options[chosen].click();
  }
});
input.addEventListener("input", narrow);
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // outside of it
});
for (const button of document.querySelectorAll("[data-palette]")) {
  button.hidden = false;
  button.addEventListener("click", open);
}
