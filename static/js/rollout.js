// The share is typed, or slid: the slider is coarser, so what is sent is what is written.
const share = document.getElementById("percent");
const slider = document.getElementById("slider");

function follow() {
  slider.value = number(share) || 0;
}

function number(input) {
  return Number(input.value.replace(",", "."));
}

if (slider) {
  slider.hidden = false;
  follow();
  share.addEventListener("input", () => {
    follow();
    tell();
  });
  slider.addEventListener("input", () => {
    share.value = slider.value;
    tell();
  });
}

// What the share means in people: <input data-hourly="40" data-means="#id">.
function tell() {
  const { hourly, means } = share.dataset;
  const users = (Number(hourly) * number(share)) / 100;
  if (!means || Number.isNaN(users)) return;
  document.querySelector(means).textContent = users < 10 ? users.toFixed(1).replace(/\.0$/, "") : Math.round(users).toLocaleString("en").replaceAll(",", "\u202f");
}
