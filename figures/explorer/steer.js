// The controls: what is shown, what is said of it in words, and playing.

const state = { run: 0, k: 0, pinned: null, playing: null };
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
  return draw(shown, pinned);
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
  const functions = [sign("━", "run", facts.function[1]), sign("╍", "ink", facts.target)];
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
    element("sliders").append(made("div", { className: "row" }, label, input, value));
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
  element("pin").addEventListener("click", pin);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { takeColours(); show(); });
}

function pin() {
  state.pinned = state.pinned === null ? state.run : null;
  element("pin").setAttribute("aria-pressed", String(state.pinned !== null));
  settle();
  return show();
}

function play() {
  const last = () => arraysOf(state.run).times.length - 1;
  if (state.k >= last()) state.k = 0;
  let position = state.k, before = performance.now();
  const step = async (now) => {
    position += (Math.max(0, now - before) / (1000 * SECONDS)) * last();
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
  state.playing = null;
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
  await choose(place, facts.seeds[0], -1);
  document.documentElement.dataset.ready = "true";
}

start();
