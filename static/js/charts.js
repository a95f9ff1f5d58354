// Draws every <figure data-chart="url">: fetched when it comes near, redrawn when the
// theme or the width changes, asked for again where it polls. See registry/web/charts.py.

const frames = new Map();
const config = { displayModeBar: false, displaylogo: false, doubleClick: "reset" };
const coarse = matchMedia("(pointer: coarse)");
const NARROW = 480; // pixels: the words of marks would lie over each other
// The bundle brings styles for maps, which we never draw and the policy refuses: it
// leaves them out where an element of this name is.
const STYLES_OF_MAPS = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";

let library;
function plotly({ plotly: script, plotlyCss: styles }) {
  library ??= new Promise((resolve, reject) => {
    const none = Object.assign(document.createElement("meta"), { id: STYLES_OF_MAPS });
    const sheet = Object.assign(document.createElement("link"), {
      id: "plotly.js-style-global", className: "no-inline-styles", rel: "stylesheet", href: styles,
    });
    const code = Object.assign(document.createElement("script"), { src: script });
    code.onload = () => resolve(window.Plotly);
    code.onerror = () => { library = undefined; reject(new Error("The drawing library did not load.")); };
    document.head.append(none, sheet, code);
  });
  return library;
}

// Colours are written as var(--name); Plotly wants them as numbers.
const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
  .getContext("2d", { willReadFrequently: true });
function paint(name, probe) {
  probe.style.color = name;
  brush.clearRect(0, 0, 1, 1);
  brush.fillStyle = getComputedStyle(probe).color;
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
  return `rgba(${r},${g},${b},${(a / 255).toFixed(3)})`;
}
function painted(value, probe) {
  if (typeof value === "string") return value.startsWith("var(--") ? paint(value, probe) : value;
  if (Array.isArray(value)) return value.map((one) => painted(one, probe));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, painted(one, probe)]));
}

const offline = (error) => { throw error instanceof TypeError ? new Error("No connection.") : error; };

const MOMENT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|\+00:00)?$/;
function words(cell) {
  if (cell === null) return "—";
  if (typeof cell === "number") {
    const digits = Math.abs(cell) < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 };
    return cell.toLocaleString("en", digits).replaceAll(",", "\u202f").replace("-", "\u2212");
  }
  const [, day, time] = MOMENT.exec(cell) ?? [];
  return day ? (time === "00:00" ? day : `${day} ${time}`) : String(cell);
}

function element(name, text = "", options = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, options);
}
function tableOf({ head, rows, links }) {
  const table = element("table");
  const top = table.createTHead().insertRow();
  const numeric = head.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  head.forEach((name, i) => top.append(element("th", name, { scope: "col", className: numeric[i] ? "number" : "" })));
  const body = table.createTBody();
  rows.forEach((row, at) => {
    const line = body.insertRow();
    row.forEach((cell, i) => {
      const one = element(i ? "td" : "th", "", { className: numeric[i] ? "number" : "" });
      if (!i) one.scope = "row";
      const href = !i && links[at];
      one.append(href ? element("a", words(cell), { href }) : words(cell));
      line.append(one);
    });
  });
  return table;
}

class Frame {
  constructor(figure) {
    this.figure = figure;
    this.drawing = figure.querySelector(".drawing");
    this.status = figure.querySelector(".plot-words");
    this.details = figure.querySelector("details");
    this.details.addEventListener("toggle", () => this.tabulate());
    this.say("loading", "Loading…");
    resized.observe(this.drawing);
    const seconds = Number(figure.dataset.poll);
    if (seconds) this.timer = setInterval(() => this.asked && !document.hidden && this.load(), seconds * 1000);
  }

  get url() { return this.figure.dataset.chart; }

  async load() {
    try {
      const headers = { Accept: "application/json" };
      if (this.etag && this.asked === this.url) headers["If-None-Match"] = this.etag;
      this.asked = this.url;
      const asked = fetch(this.url, { headers }).catch(offline);
      const [answer, drawer] = await Promise.all([asked, plotly(this.figure.dataset)]);
      this.plotly = drawer;
      if (answer.redirected) {
        document.dispatchEvent(new Event("signed-out"));
        if (!this.data) throw new Error("You are signed out.");
        return this.settle();
      }
      if (answer.status === 304) return this.settle(); // after an error too
      if (!answer.ok) throw new Error(await this.reason(answer));
      this.data = await answer.json().catch(offline);
      await this.show();
      this.etag = answer.headers.get("ETag"); // of what is drawn
    } catch (error) {
      this.say("error", error.message);
    }
  }

  async reason(answer) {
    const problem = await answer.json().catch(() => ({}));
    return problem.detail || `The server answered ${answer.status}.`;
  }

  async show() {
    const { title, unit, rows } = this.data;
    this.figure.querySelector("figcaption").textContent = title;
    this.drawing.setAttribute("aria-label", unit ? `${title} In ${unit}.` : title);
    if (rows.length) await this.draw();
    else this.plotly.purge(this.drawing);
    this.settle();
    this.tabulate();
    this.tell("chart:data", this.data);
  }

  settle() {
    const { rows, empty } = this.data;
    this.say(...(rows.length ? ["full"] : ["empty", empty]));
  }

  // One drawing at a time; what is asked for meanwhile is drawn once afterwards.
  async draw() {
    this.stale = true;
    if (this.busy) return this.busy;
    this.busy = this.redraw().finally(() => { this.busy = undefined; });
    return this.busy;
  }

  async redraw() {
    while (this.stale) {
      this.stale = false;
      await this.paint();
    }
  }

  async paint() {
    if (!this.data?.rows.length || !this.figure.isConnected) return;
    const { data, layout } = painted(this.data.figure, this.drawing);
    const font = { ...layout.font, family: getComputedStyle(this.drawing).fontFamily };
    const dragmode = coarse.matches ? false : layout.dragmode; // a finger scrolls the page
    const size = { width: this.drawing.clientWidth, height: this.drawing.clientHeight };
    const shapes = layout.shapes?.map((shape) => size.width < NARROW && shape.type === "line" ? { ...shape, label: {} } : shape);
    const look = { ...layout, ...size, shapes, font, dragmode, uirevision: "kept", autosize: false };
    await this.plotly.react(this.drawing, data, look, config);
    if (this.range) await this.zoom(this.range);
    untangle(this.drawing);
    if (this.listening) return;
    this.listening = true;
    this.drawing.on("plotly_afterplot", () => untangle(this.drawing));
    this.drawing.on("plotly_click", ({ points }) => follow(points));
    this.drawing.on("plotly_relayout", (change) => this.zoomed(change));
    this.drawing.on("plotly_hover", ({ points }) => this.drawing.classList.toggle("leads", Boolean(target(points))));
  }

  zoomed(change) {
    const from = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
    const to = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
    if (this.quiet || (from === undefined && !change["xaxis.autorange"])) return;
    const back = from === undefined || (this.isWhole(from, 0) && this.isWhole(to, 1));
    const range = back ? null : { from, to };
    const { link } = this.figure.dataset;
    for (const other of frames.values()) {
      if (link && other !== this && other.figure.dataset.link === link) other.zoom(range);
    }
    this.range = range;
    this.tell("chart:range", range);
  }

  get whole() { return this.data?.figure.layout.xaxis?.range; }

  isWhole(at, end) {
    const zone = (text) => Date.parse(/Z|\+/.test(text) ? text : `${String(text).replace(" ", "T")}Z`);
    return Boolean(this.whole) && Math.abs(zone(at) - zone(this.whole[end])) < 1000;
  }

  async zoom(range) {
    this.range = range;
    if (!this.drawing.layout) return;
    const wanted = range ? [range.from, range.to] : this.whole;
    this.quiet = true;
    await this.plotly.relayout(this.drawing, wanted ? { "xaxis.range": [...wanted] } : { "xaxis.autorange": true });
    this.quiet = false;
  }

  tabulate() {
    if (!this.details.open || !this.data) return;
    const box = this.details.querySelector(".table-scroll");
    const at = box.contains(document.activeElement) && document.activeElement.href;
    box.replaceChildren(tableOf(this.data));
    if (at) [...box.querySelectorAll("a")].find((link) => link.href === at)?.focus({ preventScroll: true });
  }

  say(state, text = "") {
    this.figure.dataset.state = state;
    this.status.replaceChildren(text);
    if (state !== "error") return;
    const again = element("button", "Try again", { type: "button" });
    again.addEventListener("click", () => { this.say("loading", "Loading…"); this.load(); });
    this.status.append(" ", again);
  }

  tell(name, detail) {
    this.figure.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  end() {
    clearInterval(this.timer);
    resized.unobserve(this.drawing);
    this.plotly?.purge(this.drawing);
  }
}

// Words of marks that would lie over one another: the first of them is read.
function untangle(drawing) {
  const read = [];
  for (const label of drawing.querySelectorAll(".shapelayer text")) {
    label.style.visibility = "";
    const box = label.getBoundingClientRect();
    const over = (one) => box.left < one.right && one.left < box.right && box.top < one.bottom && one.top < box.bottom;
    if (read.some(over)) label.style.visibility = "hidden";
    else read.push(box);
  }
}

const isPlace = (one) => typeof one === "string" && one.startsWith("/") && !one.startsWith("//");
function target(points = []) {
  return points.map(({ customdata }) => customdata).find(isPlace) ?? "";
}
function follow(points) {
  if (target(points)) location.assign(target(points));
}

const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target: figure } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(figure);
    frames.get(figure)?.load();
  }
}, { rootMargin: "200px" });

const resized = new ResizeObserver((changes) => {
  for (const { target: drawing } of changes) {
    const frame = frames.get(drawing.closest("figure"));
    const { width } = drawing.layout ?? {};
    if (width && Math.abs(width - drawing.clientWidth) > 1) frame?.draw();
  }
});

function find() {
  for (const [figure, frame] of frames) {
    if (figure.isConnected) continue;
    frame.end();
    frames.delete(figure);
  }
  for (const figure of document.querySelectorAll("figure[data-chart]")) {
    if (frames.has(figure)) continue;
    frames.set(figure, new Frame(figure));
    near.observe(figure);
  }
}
const redraw = () => frames.forEach((frame) => frame.draw());

// What a page's own module may ask of a frame: dispatch "chart:ask" at it, with `url`
// (load that instead), `now` (load though nobody has scrolled there), `edit` (change the
// figure that is drawn) or `range` (zoom the group to {from, to}, or out with null). An event, because modules are cached under hashed
// names and an import would start a second copy of this one.
document.addEventListener("chart:ask", ({ target: figure, detail }) => {
  const frame = frames.get(figure);
  if (detail.url) {
    figure.dataset.chart = detail.url;
    if (frame?.data) frame.load(); // one that was never near loads when it comes near
  }
  if (detail.now && !frame?.data) frame?.load();
  if (detail.edit && frame?.data) {
    detail.edit(frame.data.figure);
    frame.draw();
  }
  if (detail.range === undefined) return;
  for (const other of frames.values()) {
    if (other.figure.dataset.link === figure.dataset.link) other.zoom(detail.range);
  }
  frame?.tell("chart:range", detail.range);
});

find();
document.body.addEventListener("htmx:load", find);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
