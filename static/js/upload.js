// A large file tells how far it is: <form data-upload> with [data-progress] inside.
// Without this module the form is sent as any other.

function show(form, words, share = null) {
  const place = form.querySelector("[data-progress]");
  place.hidden = false;
  place.querySelector("[data-words]").textContent = words;
  const bar = place.querySelector("progress");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  place.querySelector("[data-share]").textContent = share === null ? "" : `${Math.round(100 * share)} %`;
}

function done(form, request) {
  if (new URL(request.responseURL || form.action).pathname === "/sign-in") {
    fail(form, "You are signed out. Nothing was kept: sign in in another window, load this page again, and send it once more.");
    return;
  }
  if (request.responseURL && request.responseURL !== form.action.split("#")[0]) {
    window.location.assign(request.responseURL);
    return;
  }
  // The same page again, with what is wrong: only its content changes.
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const fresh = page.getElementById("content");
  if (!fresh) {
    fail(form, `The server answered ${request.status}. Nothing was kept; try again.`);
    return;
  }
  document.getElementById("content").replaceWith(fresh);
  (fresh.querySelector("[autofocus]") ?? fresh).focus();
  fresh.querySelectorAll("form[data-upload]").forEach(prepare);
}

function fail(form, words) {
  show(form, words, 0);
  form.querySelector("button[type=submit]").disabled = false;
  delete form.dataset.sent;
}

function send(event) {
  const form = event.currentTarget;
  event.preventDefault();
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    if (loaded < total) show(form, "Sending", loaded / total);
    else show(form, "Reading the rows");
  });
  request.addEventListener("load", () => done(form, request));
  request.addEventListener("error", () => fail(form, "No connection. Nothing was kept; try again."));
  request.send(new FormData(form));
  form.querySelector("button[type=submit]").disabled = true;
  show(form, "Sending", 0);
}

function prepare(form) {
  form.addEventListener("submit", send);
  const zone = form.querySelector("[data-drop]");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.dataset.over = "yes";
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => delete zone.dataset.over);
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) zone.querySelector("input").files = event.dataTransfer.files;
  });
}

document.querySelectorAll("form[data-upload]").forEach(prepare);
