// The slider says what its share means: <input data-hourly="40" data-means="#id">.
document.addEventListener("input", ({ target }) => {
  const { hourly, means } = target.dataset ?? {};
  if (!hourly || !means) return;
  const users = (Number(hourly) * Number(target.value)) / 100;
  document.querySelector(means).textContent = users < 10 ? users.toFixed(1).replace(/\.0$/, "") : Math.round(users).toLocaleString("en").replaceAll(",", "\u202f");
});
