"use strict";

// One run is shown, at one of its times; another one may be pinned and is drawn in grey behind it.
const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const state = { run: 0, time: 0, pinned: null, playing: null };
const SECONDS = 8; // that playing from start to end takes

async function unpacked(id) {
  const letters = atob(element(id).textContent);
  element(id).remove();
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Arrays, as `_packing.py` writes them.

let block = null;

function read(place) {
  const count = place.shape.reduce((product, n) => product * n, 1);
  if (place.kind === "f4") return new Float32Array(block.buffer, place.at, count);
  const codes = new Uint16Array(block.buffer, place.at, count).slice();
  const row = place.shape.length > 1 ? count / place.shape[0] : count;
  for (let i = row; i < count; i++) codes[i] += codes[i - row];
  return Float32Array.from(codes, (code) => (code === 65535 ? NaN : place.low + place.step * code));
}

const unfolded = new Map();

function run(index) {
  if (!unfolded.has(index)) {
    const places = facts.runs[index].arrays;
    const arrays = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, read(place)]));
    unfolded.set(index, { ...arrays, places });
  }
  return unfolded.get(index);
}

/** One time of an array whose first axis is time; arrays that do not change have none. */
function at(of, name, time) {
  const shape = of.places[name].shape;
  if (shape.length === 1) return of[name];
  const row = shape.slice(1).reduce((product, n) => product * n, 1);
  return of[name].subarray(time * row, (time + 1) * row);
}

function column(rows, width, which) {
  return Array.from({ length: rows.length / width }, (_, i) => rows[i * width + which]);
}

function nearest(times, t) {
  let best = 0;
  times.forEach((one, i) => { if (Math.abs(one - t) < Math.abs(times[best] - t)) best = i; });
  return best;
}

// Texts.

const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // plotly reads some tags

function number(value) {
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3))).replace("-", "−");
  const [digits, power] = value.toExponential(2).split("e");
  return `${digits}·10^${Number(power)}`.replaceAll("-", "−");
}

function setting(index) {
  const one = facts.runs[index];
  const parts = facts.sliders.map((slider, i) => `${symbol(slider.label)} = ${number(slider.values[one.place[i]])}`);
  if (facts.seeds.length > 1) parts.push(`seed ${one.seed}`);
  return parts.join(", ");
}

const symbol = (label) => label.split(/[ ,(]/)[0];

// Drawing.

let colour = {};

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ground", "ink", "quiet", "grid", "positive", "negative", "run", "pinned"];
  colour = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function axis(title, range, more = {}) {
  return {
    title: { text: title === null ? "" : plain(title), standoff: 6 }, range, autorange: false, fixedrange: true,
    gridcolor: colour.grid, zeroline: false, linecolor: colour.quiet, ticks: "outside", ticklen: 3, nticks: 6,
    tickcolor: colour.quiet, ...more,
  };
}

function draw(id, traces, axes) {
  const layout = {
    ...axes, autosize: true, margin: { l: 56, r: 12, t: 8, b: 40 }, showlegend: false, dragmode: false,
    paper_bgcolor: colour.ground, plot_bgcolor: colour.ground, hovermode: "closest",
    font: { family: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif", size: 12, color: colour.ink },
  };
  return Plotly.react(id, traces, layout, { displayModeBar: false, responsive: true });
}

function line(x, y, color, width, more = {}) {
  return { type: "scatter", mode: "lines", x, y, line: { color, width }, hoverinfo: "skip", ...more };
}

const onLine = facts.plane.length === 1;
const weighted = facts.ranges.weight[0] < facts.ranges.weight[1] - 1e-9 * Math.abs(facts.ranges.weight[1]);
const heights = onLine && weighted; // on a line there is room to show weights as heights
const largest = Math.max(...facts.ranges.weight.map(Math.abs));

function places(of, time) {
  const rows = at(of, "particles", time);
  const weights = at(of, "weights", time);
  const width = facts.plane.length;
  const x = column(rows, width, 0);
  // Without weights to show, heights on a line mean nothing: they keep particles apart.
  const y = onLine ? Array.from(x, (_, j) => (weighted ? weights[j] : (j * 0.6180339887) % 1)) : column(rows, width, 1);
  return { x, y, weights };
}

function cloud(of, time, colors, opacity) {
  const { x, y, weights } = places(of, time);
  const most = x.length > 300 ? 11 : 18;
  return [[colors[0], 1], [colors[1], -1]].map(([color, sign]) => {
    const chosen = [...weights.keys()].filter((j) => (weights[j] < 0 ? -1 : 1) === sign);
    const size = weighted ? chosen.map((j) => Math.max(3, most * Math.sqrt(Math.abs(weights[j]) / largest))) : 6;
    return {
      type: "scatter", mode: "markers", x: chosen.map((j) => x[j]), y: chosen.map((j) => y[j]),
      marker: { color, size, opacity, line: { width: 0 } }, hovertemplate: "%{x:.3g}, %{y:.3g}<extra></extra>",
    };
  });
}

/** Where particles came from: the last steps of each, where there are few enough to be told apart. */
function tails(of, time) {
  const count = of.places.weights.shape[1];
  const x = [], y = [];
  if (count <= 200) {
    const steps = [];
    for (let k = Math.max(0, time - 15); k <= time; k++) steps.push(places(of, k));
    for (let j = 0; j < count; j++) {
      for (const step of steps) { x.push(step.x[j]); y.push(step.y[j]); }
      x.push(null); y.push(null);
    }
  }
  return line(x, y, colour.quiet, 1, { opacity: 0.45 });
}

function drawParticles(shown, pinned) {
  const traces = pinned ? cloud(pinned.of, pinned.time, [colour.pinned, colour.pinned], 0.55) : [];
  traces.push(tails(shown.of, shown.time), ...cloud(shown.of, shown.time, [colour.positive, colour.negative], 0.75));
  if (shown.of.marks) {
    traces.push({
      type: "scatter", mode: "markers", x: column(shown.of.marks, 2, 0), y: column(shown.of.marks, 2, 1),
      marker: { symbol: "x-thin", size: 13, line: { color: colour.ink, width: 2 } }, hoverinfo: "skip",
    });
  }
  const [x, y] = facts.ranges.plane;
  const vertical = onLine ? (weighted ? axis("weight", y ?? facts.ranges.weight)
    : axis(null, [-0.05, 1.05], { showticklabels: false, ticks: "", showgrid: false })) : axis(facts.plane[1], y);
  return draw("particles", traces, { xaxis: axis(facts.plane[0], x), yaxis: vertical });
}

function drawFunctions(shown, pinned) {
  const traces = [];
  if (pinned) traces.push(line(pinned.of.grid, at(pinned.of, "functions", pinned.time), colour.pinned, 2));
  traces.push(line(shown.of.grid, at(shown.of, "target", shown.time), colour.ink, 1.5, { line: { color: colour.ink, width: 1.5, dash: "4px,3px" } }));
  traces.push(line(shown.of.grid, at(shown.of, "functions", shown.time), colour.run, 2.5));
  if (shown.of.samples) {
    traces.push({
      type: "scatter", mode: "markers", x: column(shown.of.samples, 2, 0), y: column(shown.of.samples, 2, 1),
      marker: { color: colour.ground, size: 7, line: { color: colour.ink, width: 1.5 } },
      hovertemplate: "%{x:.3g}, %{y:.3g}<extra>sample</extra>",
    });
  }
  const [x, y] = facts.ranges.function;
  return draw("functions", traces, { xaxis: axis(facts.function[0], x), yaxis: axis(facts.function[1], y) });
}

function drawCurves(shown, pinned) {
  const traces = [], axes = {}, notes = [];
  const gap = 0.16, height = (1 - gap * (facts.curves.length - 1)) / facts.curves.length;
  facts.curves.forEach((curve, i) => {
    const name = `curve_${curve.name}`, suffix = i ? String(i + 1) : "", top = 1 - i * (height + gap);
    const own = { xaxis: "x", yaxis: `y${suffix}` };
    const range = facts.ranges.curves[curve.name];
    const ends = curve.log ? range.map((power) => 10 ** power) : range;
    if (pinned && pinned.of[name]) traces.push(line(pinned.of.times, pinned.of[name], colour.pinned, 2, own));
    const now = shown.of.times[shown.time];
    traces.push(line([now, now], ends, colour.quiet, 1, own));
    traces.push(line(shown.of.times, shown.of[name], colour.run, 2, {
      ...own, hoverinfo: undefined, hovertemplate: "t = %{x:.3g}: %{y:.3g}<extra></extra>",
    }));
    traces.push({
      type: "scatter", mode: "markers", x: [now], y: [shown.of[name][shown.time]], ...own,
      marker: { color: colour.run, size: 10, line: { color: colour.ground, width: 1.5 } }, hoverinfo: "skip",
    });
    axes[`yaxis${suffix}`] = axis(null, range, {
      type: curve.log ? "log" : "linear", domain: [top - height, top], anchor: "x", nticks: 4,
      exponentformat: "power",
    });
    notes.push({
      text: plain(curve.label), xref: "paper", yref: "paper", x: 0, y: top, xanchor: "left", yanchor: "bottom", showarrow: false,
    });
  });
  axes.xaxis = axis("time t (mean-field time)", facts.ranges.times, { anchor: `y${facts.curves.length > 1 ? facts.curves.length : ""}` });
  return draw("curves", traces, { ...axes, annotations: notes, margin: { l: 56, r: 12, t: 22, b: 40 } });
}

function say(shown, pinned) {
  const row = (which, index, kind) => {
    const values = facts.curves.filter((curve) => which.of[`curve_${curve.name}`])
      .map((curve) => `${curve.label}: ${number(which.of[`curve_${curve.name}`][which.time])}`);
    const text = document.createElement("span");
    text.className = kind;
    text.textContent = [kind === "pinned" ? `Pinned: ${setting(index)}` : `t = ${number(which.of.times[which.time])}`, ...values].join(" · ");
    return text;
  };
  element("numbers").replaceChildren(row(shown, state.run, "shown"), ...(pinned ? [row(pinned, state.pinned, "pinned")] : []));
  element("time-value").textContent = number(shown.of.times[shown.time]);
  element("time").setAttribute("aria-valuetext", `t = ${number(shown.of.times[shown.time])}`);
}

function show() {
  const shown = { of: run(state.run), time: state.time };
  const pinned = state.pinned === null ? null : { of: run(state.pinned) };
  if (pinned) pinned.time = nearest(pinned.of.times, shown.of.times[shown.time]);
  say(shown, pinned);
  return Promise.all([drawParticles(shown, pinned), drawFunctions(shown, pinned), drawCurves(shown, pinned)]);
}

/** The words over the panels, with the colours as they are drawn. */
function captions() {
  const mark = (text, color, letter) => {
    const span = document.createElement("span"), sign = document.createElement("b");
    sign.style.color = color;
    sign.textContent = letter;
    span.append(sign, ` ${text}`);
    return span;
  };
  const one = run(state.run), count = facts.runs[state.run].particles, drawn = one.places.weights.shape[1];
  const cloudy = weighted
    ? [mark("weight above 0", "var(--positive)", "●"), mark("below 0", "var(--negative)", "●"), mark("area: |weight|", "var(--quiet)", "∝")]
    : [mark("particles", "var(--positive)", "●")];
  if (one.marks) cloudy.push(mark("where they ought to go", "var(--ink)", "×"));
  if (drawn < count) cloudy.push(mark(`${drawn} of ${count} particles are drawn`, "var(--quiet)", "…"));
  element("particles-caption").replaceChildren(...cloudy);
  const functions = [mark(facts.function[1], "var(--run)", "━"), mark(facts.target, "var(--ink)", "╌")];
  if (one.samples) functions.push(mark("samples", "var(--ink)", "○"));
  element("functions-caption").replaceChildren(...functions);
  element("curves-caption").replaceChildren(mark("in time", "var(--run)", "━"));
}

// Controls.

/** The run at these places of the sliders or, where there is none, the nearest one that has what was moved last. */
function choose(place, seed, moved) {
  const far = (one) => {
    const steps = one.place.map((value, i) => Math.abs(value - place[i]) * (i === moved ? 1000 : 1));
    return steps.reduce((sum, n) => sum + n, 0) + (one.seed === seed ? 0 : 0.5);
  };
  let best = 0;
  facts.runs.forEach((one, i) => { if (far(one) < far(facts.runs[best])) best = i; });
  const t = run(state.run).times[state.time];
  state.run = best;
  state.time = nearest(run(best).times, t);
  settle();
  return show();
}

/** The controls, as the state is. */
function settle() {
  const one = facts.runs[state.run];
  element("time").max = run(state.run).times.length - 1;
  element("time").value = state.time;
  facts.sliders.forEach((slider, i) => {
    const value = number(slider.values[one.place[i]]);
    element(`slider-${i}`).value = one.place[i];
    element(`slider-${i}`).setAttribute("aria-valuetext", `${slider.label} ${value}`);
    element(`slider-${i}-value`).textContent = value;
  });
  element("seed").value = String(one.seed);
  captions();
}

function build() {
  facts.sliders.forEach((slider, i) => {
    const row = document.createElement("div"), label = document.createElement("label");
    const input = document.createElement("input"), output = document.createElement("output");
    row.className = "row";
    label.htmlFor = input.id = `slider-${i}`;
    label.textContent = slider.label;
    Object.assign(input, { type: "range", min: 0, max: slider.values.length - 1, step: 1 });
    output.id = `slider-${i}-value`;
    output.htmlFor = input.id;
    input.addEventListener("input", () => {
      const place = facts.runs[state.run].place.with(i, Number(input.value));
      choose(place, facts.runs[state.run].seed, i);
    });
    row.append(label, input, output);
    element("sliders").append(row);
  });
  element("seed").replaceChildren(...facts.seeds.map((seed) => new Option(seed, seed)));
  element("seed-choice").hidden = facts.seeds.length < 2;
  element("seed").addEventListener("change", (event) => choose(facts.runs[state.run].place, Number(event.target.value), -1));
  element("time").addEventListener("input", (event) => { stop(); state.time = Number(event.target.value); show(); });
  element("play").addEventListener("click", () => (state.playing === null ? play() : stop()));
  element("pin").addEventListener("click", () => {
    state.pinned = state.pinned === null ? state.run : null;
    element("pin").setAttribute("aria-pressed", String(state.pinned !== null));
    element("pin").textContent = state.pinned === null ? "Pin in grey" : "Unpin";
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); show(); });
}

function play() {
  const last = run(state.run).times.length - 1;
  if (state.time >= last) state.time = 0;
  const began = performance.now() - (SECONDS * 1000 * state.time) / last;
  element("play").textContent = "❚❚ Pause";
  element("play").setAttribute("aria-pressed", "true");
  const step = async (now) => {
    const end = run(state.run).times.length - 1;
    const time = Math.min(end, Math.floor(((now - began) / (SECONDS * 1000)) * end));
    if (time > state.time) {
      state.time = time;
      element("time").value = time;
      await show();
    }
    if (state.playing === null) return;
    if (time >= end) stop();
    else state.playing = requestAnimationFrame(step);
  };
  state.playing = requestAnimationFrame(step);
}

function stop() {
  if (state.playing !== null) cancelAnimationFrame(state.playing);
  state.playing = null;
  element("play").textContent = "▶ Play";
  element("play").setAttribute("aria-pressed", "false");
}

async function start() {
  if (typeof DecompressionStream === "undefined") {
    element("wait").textContent = "This page needs a browser of 2023 or later.";
    return;
  }
  block = await unpacked("arrays");
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpacked("plotly"));
  document.head.append(script);
  element("wait").hidden = true;
  element("panels").hidden = element("controls").hidden = false;
  colours();
  build();
  settle();
  await show();
  document.documentElement.dataset.ready = "true";
}

start();
