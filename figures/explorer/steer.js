// The controls: what is shown, what is said of it in words, and playing.

const state = { run: 0, k: 0, pinned: null, playing: null };
let opened = null; // the run and the moment that the page opens with
const SECONDS = 8; // from the start to the end

function made(tag, properties, ...children) {
  const one = Object.assign(document.createElement(tag), properties);
  one.append(...children);
  return one;
}

/** "α" of "output scale α (output units)". */
const symbol = (label) => label.replace(/\s*\([^()]*\)$/, "");

const setting = (index) => facts.sliders
  .map((slider, i) => `${symbol(slider.label)} = ${readable(slider.values[facts.runs[index].place[i]])}`)
  .concat(facts.seeds.length > 1 ? [`seed ${facts.runs[index].seed}`] : []).join(", ");

/** Draw the state, and say it. */
function show() {
  const shown = { index: state.run, of: arraysOf(state.run), k: state.k };
  const t = shown.of.times[shown.k];
  const pinned = state.pinned === null ? null : { index: state.pinned, of: arraysOf(state.pinned) };
  if (pinned) pinned.k = nearest(pinned.of.times, t);
  element("time-value").textContent = readable(t);
  element("time").value = state.k;
  element("time").setAttribute("aria-valuetext", `t = ${readable(t)}`);
  facts.curves.forEach((curve, i) => {
    const value = ({ of, k }) => readable(of[`curve_${curve.name}`][k]);
    const grey = pinned ? [made("span", { className: "pinned" }, value(pinned))] : [];
    element(`curve-${i}-value`).replaceChildren(made("b", {}, value(shown)), ...grey);
  });
  if (state.playing === null) remember();
  return draw(shown, pinned);
}

// The address: what is shown, so that a link shows it again.

/** A run by its values on the sliders and, of several, its seed. */
const named = (index) => facts.sliders.map((slider, i) => slider.values[facts.runs[index].place[i]])
  .concat(facts.seeds.length > 1 ? [facts.runs[index].seed] : []).join(",");

function remember() {
  const one = facts.runs[state.run], told = new URLSearchParams();
  facts.sliders.forEach((slider, i) => told.set(slider.name, slider.values[one.place[i]]));
  if (facts.seeds.length > 1) told.set("seed", one.seed);
  told.set("t", Number(arraysOf(state.run).times[state.k].toPrecision(6)));
  if (element("speed").value !== "1") told.set("speed", element("speed").value);
  if (state.pinned !== null) told.set("pin", named(state.pinned));
  history.replaceState(null, "", `#${told}`);
}

/** The run with these values, first things first, that is otherwise most like the one that is shown; null if none. */
function alike(values) {
  const shown = facts.runs[state.run].place;
  const far = (i) => facts.runs[i].place.reduce((sum, at, axis) => sum + Math.abs(at - shown[axis]), 0);
  const fitting = [...facts.runs.keys()].filter((i) => values.every((value, at) => named(i).split(",")[at] === value));
  return fitting.sort((one, other) => far(one) - far(other))[0] ?? null;
}

/** Show what an address says, as far as it can be had; returns whether it says anything. */
function recalled(address) {
  const told = new URLSearchParams(address);
  if (![...told.keys()].length) return false;
  const place = facts.sliders.map((slider, i) => {
    const at = slider.values.findIndex((value) => String(value) === told.get(slider.name));
    return at < 0 ? facts.runs[state.run].place[i] : at;
  });
  if ([...element("speed").options].some((one) => one.value === told.get("speed"))) {
    element("speed").value = told.get("speed");
  }
  choose(place, Number(told.get("seed") ?? facts.seeds[0]), -1);
  const t = Number(told.get("t"));
  if (told.has("t") && Number.isFinite(t)) state.k = nearest(arraysOf(state.run).times, t);
  setPinned(told.has("pin") ? alike(told.get("pin").split(",")) : null);
  return true;
}

// The story: a few sentences, each with an address.

let chapter = -1;

function tell(at) {
  stop();
  chapter = at;
  const [sentence, address] = facts.story[at];
  recalled(address);
  element("sentence").textContent = `${at + 1} of ${facts.story.length}. ${sentence}`;
  element("back").disabled = at === 0;
  element("on").textContent = at + 1 < facts.story.length ? "Next" : "Again";
  return show();
}

/** The most telling moment to begin with: a little before the particles move most from one frame to the next. */
function telling() {
  const { of, k } = { of: arraysOf(state.run), k: arraysOf(state.run).times.length };
  let most = 0, best = 0;
  for (let i = 1; i < k; i++) {
    const [now, before] = [at(of, "particles", i), at(of, "particles", i - 1)];
    const moved = now.reduce((sum, value, j) => sum + Math.abs(value - before[j]), 0);
    if (moved > most) [most, best] = [moved, i];
  }
  return Math.max(0, best - Math.ceil(k / 6));
}

/** The run at this place on the sliders or, where there is none, the nearest one that has what was moved last. */
function choose(place, seed, moved) {
  const far = (one) => one.place.reduce(
    (sum, value, i) => sum + Math.abs(value - place[i]) * (i === moved ? 1000 : 1), one.seed === seed ? 0 : 0.5);
  const t = arraysOf(state.run).times[state.k];
  state.run = facts.runs.reduce((best, one, i) => (far(one) < far(facts.runs[best]) ? i : best), 0);
  state.k = nearest(arraysOf(state.run).times, t);
  settle();
  return show();
}

/** Everything in words that a run has, and the controls where it puts them. */
function settle() {
  const one = facts.runs[state.run], arrays = arraysOf(state.run);
  element("time").max = arrays.times.length - 1;
  facts.sliders.forEach((slider, i) => {
    const value = readable(slider.values[one.place[i]]);
    element(`slider-${i}`).value = one.place[i];
    element(`slider-${i}`).setAttribute("aria-valuetext", value);
    element(`slider-${i}-value`).textContent = value;
  });
  document.documentElement.style.setProperty("--shown", colourOf(state.run));
  element("seed").value = String(one.seed);
  const sign = (letter, color, text) => {
    return made("span", {}, made("b", { style: `color: var(--${color})` }, letter), ` ${text}`);
  };
  const drawn = arrays.places.weights.shape[1];
  const particles = [sign("●", "positive", facts.signs.length > 1 ? "weight > 0" : "particles")];
  if (facts.signs.length > 1) particles.push(sign("●", "negative", "weight < 0"));
  if (facts.weighted) particles.push(sign("", "ink", "area: |weight|"));
  if (arrays.marks) particles.push(sign(facts.rays ? "╍" : "☆", "ink", facts.marks));
  if (state.pinned !== null) particles.push(sign("●", "pinned", setting(state.pinned)));
  if (drawn < one.particles) particles.push(sign("", "ink", `${drawn} of ${one.particles} drawn`));
  element("particles-caption").replaceChildren(...particles);
  const functions = [sign("━", "shown", facts.function[1]), sign("╍", "ink", facts.target)];
  if (arrays.samples) functions.push(sign("○", "ink", "samples"));
  element("functions-caption").replaceChildren(...functions);
}

function build() {
  facts.sliders.forEach((slider, i) => {
    const id = `slider-${i}`;
    const input = made("input", { id, type: "range", min: 0, max: slider.values.length - 1, step: 1 });
    input.addEventListener("input", () => {
      choose(facts.runs[state.run].place.with(i, Number(input.value)), facts.runs[state.run].seed, i);
    });
    const value = made("output", { id: `${id}-value`, htmlFor: id });
    const label = made("label", { htmlFor: id }, slider.label);
    const marks = made("datalist", { id: `${id}-marks` }, ...slider.values.map((_, at) => new Option("", at)));
    input.setAttribute("list", marks.id);
    const end = (at) => made("span", { className: "end" }, readable(slider.values.at(at)));
    element("sliders").append(made("div", { className: "row" }, label, end(0), input, end(-1), marks, value));
  });
  facts.curves.forEach((curve, i) => {
    const value = made("output", { id: `curve-${i}-value` });
    const caption = made("figcaption", { id: `curve-${i}-caption` }, curve.label, value);
    const plot = made("div", { id: `curve-${i}`, className: "plot", role: "img" });
    plot.setAttribute("aria-labelledby", caption.id);
    element("curves").append(made("figure", {}, caption, plot));
  });
  element("seed").replaceChildren(...facts.seeds.map((seed) => new Option(seed, seed)));
  element("seed-choice").hidden = facts.seeds.length < 2;
  element("seed").addEventListener("change", () => {
    choose(facts.runs[state.run].place, Number(element("seed").value), -1);
  });
  element("time").addEventListener("input", () => { stop(); state.k = Number(element("time").value); show(); });
  element("play").addEventListener("click", () => (state.playing === null ? play() : stop()));
  element("pin").addEventListener("click", () => { setPinned(state.pinned === null ? state.run : null); show(); });
  element("speed").addEventListener("change", remember);
  element("reset").addEventListener("click", reset);
  element("story").hidden = !facts.story.length;
  element("back").addEventListener("click", () => tell(Math.max(0, chapter - 1)));
  element("on").addEventListener("click", () => tell((chapter + 1) % facts.story.length));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { takeColours(); show(); });
}

/** Draw this run in grey behind what is shown; none if null. */
function setPinned(index) {
  state.pinned = index;
  element("pin").setAttribute("aria-pressed", String(index !== null));
  element("pin").textContent = index === null ? "Pin in grey" : "Unpin";
  settle();
}

/** All controls as they were when the page was opened without anything in its address. */
function reset() {
  stop();
  element("speed").value = "1";
  [state.run, state.k] = [opened.run, opened.k];
  setPinned(null);
  return show();
}

function play() {
  const last = () => arraysOf(state.run).times.length - 1;
  if (state.k >= last()) state.k = 0;
  let position = state.k, before = performance.now();
  const step = async (now) => {
    position += (Math.max(0, now - before) / (1000 * SECONDS)) * Number(element("speed").value) * last();
    before = now;
    const k = Math.min(last(), Math.floor(position));
    if (k !== state.k) {
      state.k = k;
      await show();
    }
    if (state.playing === null) return;
    if (k >= last()) stop();
    else state.playing = requestAnimationFrame(step);
  };
  state.playing = requestAnimationFrame(step);
  element("play").textContent = "❚❚ Pause";
}

function stop() {
  if (state.playing !== null) cancelAnimationFrame(state.playing);
  if (state.playing !== null) {
    state.playing = null;
    remember();
  }
  element("play").textContent = "▶ Play";
}

async function start() {
  if (typeof DecompressionStream === "undefined" || !Array.prototype.with) {
    element("wait").textContent = "This page needs a browser of 2023 or later.";
    return;
  }
  block = await unpacked("arrays");
  const script = made("script", { textContent: new TextDecoder().decode(await unpacked("plotly")) });
  document.head.append(script);
  element("wait").hidden = true;
  element("panels").hidden = element("controls").hidden = false;
  takeColours();
  build();
  const place = facts.sliders.map((slider) => (slider.beside ? 0 : Math.floor((slider.values.length - 1) / 2)));
  const said = location.hash;
  await choose(place, facts.seeds[0], -1);
  opened = { run: state.run, k: telling() };
  history.replaceState(null, "", said || "#");
  if (recalled(said.slice(1))) await show();
  else if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    state.k = opened.k;
    play();
  }
  document.documentElement.dataset.ready = "true";
}

start();
