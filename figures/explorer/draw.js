// The panels. A run at one of its times is `{ index, of, k }`: which one,
// its arrays, and the number of the time. One run is shown, and
// another one may be pinned, which is drawn in grey behind it. Axes are those of all runs, so that only data move.

let colour = {};

function takeColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ground", "ink", "quiet", "grid", "positive", "negative", "run", "lazy", "pinned"];
  colour = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** The colour of a run: orange, and bluer the further it is on the slider whose ends films show side by side. */
function colourOf(index) {
  const beside = facts.sliders.findIndex((slider) => slider.beside);
  if (beside < 0) return colour.run;
  const share = Math.round((100 * facts.runs[index].place[beside]) / (facts.sliders[beside].values.length - 1));
  const parts = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const [from, to] = [parts(colour.run), parts(colour.lazy)];
  return `rgb(${from.map((value, i) => Math.round(value + ((to[i] - value) * share) / 100)).join(", ")})`;
}

const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // plotly reads some tags

function axis(title, range, more = {}) {
  return {
    title: { text: plain(title), standoff: 4 }, range, autorange: false, fixedrange: true, nticks: 6,
    gridcolor: colour.grid, zeroline: false, showline: true, linecolor: colour.quiet,
    ticks: "outside", ticklen: 3, tickcolor: colour.quiet, exponentformat: "power", automargin: true, ...more,
  };
}

function panel(id, traces, xaxis, yaxis, margin = { l: 50, r: 16, t: 6, b: 40 }) {
  const layout = {
    xaxis, yaxis, margin, autosize: true, showlegend: false, dragmode: false, hovermode: "closest",
    paper_bgcolor: colour.ground, plot_bgcolor: colour.ground,
    font: { family: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif", size: 12, color: colour.ink },
  };
  return Plotly.react(id, traces, layout, { displayModeBar: false, responsive: true });
}

function line(x, y, color, width, more = {}) {
  const style = { color, width, ...more.line };
  return { type: "scatter", mode: "lines", x, y, line: style, hoverinfo: "skip", ...more.trace };
}

function dots(x, y, marker, trace = { hoverinfo: "skip" }) {
  return { type: "scatter", mode: "markers", x, y, marker, ...trace };
}

// Particles.

const onLine = facts.plane.length === 1;
const beneath = onLine && facts.plane[0] === facts.function[0]; // what is drawn as a function is their histogram

/** Coordinates of the particles; those on a line are at the height of the time. */
function coordinates(of, k) {
  const rows = at(of, "particles", k), width = facts.plane.length;
  const x = column(rows, width, 0);
  return [x, onLine ? x.map(() => moment(of, k)) : column(rows, width, 1)];
}

const HOVER = "%{x:.3g}, %{y:.3g}; weight %{customdata:.3g}<extra></extra>";

/** A particle of its run's initial weight is a small dot; the area is in proportion. */
function cloud({ index, of, k }, colors, opacity, same = 6) {
  const [x, y] = coordinates(of, k), weights = at(of, "weights", k);
  const one = Math.min(5, 22 / Math.sqrt(facts.growth)) / Math.sqrt(facts.runs[index].weight);
  return [1, -1].map((sign, i) => {
    const chosen = [...weights.keys()].filter((j) => (weights[j] < 0 ? -1 : 1) === sign);
    const size = chosen.map((j) => (facts.weighted ? Math.max(3, one * Math.sqrt(Math.abs(weights[j]))) : same));
    return dots(chosen.map((j) => x[j]), chosen.map((j) => y[j]),
      { color: colors[i], size, opacity, line: { width: 0.5, color: colour.ground } },
      { customdata: chosen.map((j) => weights[j]), hovertemplate: HOVER });
  });
}

/** Where the particles came from, of a hundred at most: more would be a blot. */
function paths({ of, k }, color) {
  const x = [], y = [], count = of.places.weights.shape[1];
  const widths = facts.ranges.plane.map(([low, high]) => high - low);
  const stride = facts.tail ? 1 : Math.ceil(of.times.length / 40), every = Math.ceil(count / 100);
  const steps = [coordinates(of, k)];
  for (let i = stride * Math.ceil(k / stride - 1); i >= Math.max(0, facts.tail && k - facts.tail); i -= stride) {
    steps.unshift(coordinates(of, i));
  }
  for (let j = 0; j < count; j += every) {
    steps.forEach((step, i) => {
      // A jump over half of the panel is a way around a torus.
      const jump = i && widths.some((width, axis) => Math.abs(step[axis][j] - steps[i - 1][axis][j]) > width / 2);
      x.push(jump ? null : step[0][j]);
      y.push(jump ? null : step[1][j]);
    });
    x.push(null);
    y.push(null);
  }
  return line(x, y, color, count > 30 ? 1 : 1.5, { trace: { opacity: 0.45, hoverinfo: "skip" } });
}

/** The part of a label that names its unit. */
const unit = (label) => label.match(/\([^()]*\)$/)?.[0];

function drawParticles(shown, pinned) {
  const traces = pinned ? cloud(pinned, [colour.pinned, colour.pinned], 0.6, 11) : [];
  traces.push(paths(shown, colour.quiet), ...cloud(shown, [colour.positive, colour.negative], 0.8));
  if (shown.of.marks) traces.push(marks(shown.of.marks));
  const [x, y] = facts.ranges.plane, { log, ends } = facts.ranges.time;
  const alike = !onLine && unit(facts.plane[0]) && unit(facts.plane[0]) === unit(facts.plane[1]);
  const up = onLine ? axis(TIME, ends, scale(log, ends)) : axis(facts.plane[1], y, alike ? { scaleanchor: "x" } : {});
  return panel("particles", traces, axis(facts.plane[0], beneath ? facts.ranges.function[0] : x), up);
}

/** Where the particles ought to go: points, or directions from the origin. */
function marks(rows) {
  const x = column(rows, 2, 0), y = column(rows, 2, 1);
  if (!facts.rays) return dots(x, y, { symbol: "star-open", size: 13, color: colour.ink, line: { width: 1.2 } });
  const far = 2 * Math.max(...facts.ranges.plane.flat().map(Math.abs));
  const reach = (values) => values.flatMap((value, j) => [0, (far * value) / Math.hypot(x[j], y[j]), null]);
  return line(reach(x), reach(y), colour.ink, 1, { line: { dash: "5px,3px" } });
}

// Functions and curves.

const TIME = "time t (mean-field time)";

/** A time on its axis; where that is logarithmic the start, t = 0, stands at its end. */
function moment(of, k) {
  const { log, ends } = facts.ranges.time;
  return log ? Math.max(of.times[k], 10 ** ends[0]) : of.times[k];
}

function drawFunctions(shown, pinned) {
  const shape = { line: { shape: beneath ? "hvh" : "linear" } };
  const predictor = ({ of, k }, color) => line(of.grid, at(of, "functions", k), color, 3, shape);
  const traces = pinned ? [predictor(pinned, colour.pinned)] : [];
  traces.push(predictor(shown, colourOf(shown.index)));
  traces.push(line(shown.of.grid, at(shown.of, "target", shown.k), colour.ink, 1.5, { line: { dash: "5px,3px" } }));
  if (shown.of.samples) {
    const marker = { color: colour.ground, size: 7, line: { color: colour.ink, width: 1.5 } };
    const hover = { hovertemplate: "sample %{x:.3g}, %{y:.3g}<extra></extra>" };
    traces.push(dots(column(shown.of.samples, 2, 0), column(shown.of.samples, 2, 1), marker, hover));
  }
  const [x, y] = facts.ranges.function;
  const turn = Math.abs(x[1] - x[0] - 360) < 1e-3 ? { dtick: 90 } : {};
  return panel("functions", traces, axis(facts.function[0], x, turn), axis(facts.function[1], y));
}

/** A logarithmic axis is marked at powers of ten, if it has two of them. */
function scale(log, ends) {
  const decades = Math.floor(ends[1]) - Math.ceil(ends[0]);
  return { type: log ? "log" : "linear", nticks: 5, ...(log && decades >= 1 ? { dtick: Math.ceil(decades / 4) } : {}) };
}

function drawCurve(curve, i, shown, pinned) {
  const name = `curve_${curve.name}`, time = facts.ranges.time;
  const followed = ({ of }, color, width, more) => {
    // On a logarithmic axis there is no zero: neither t = 0 nor values of nothing.
    const kept = [...of.times.keys()].filter((k) => (!time.log || of.times[k] > 0) && (!curve.log || of[name][k] > 0));
    return line(kept.map((k) => of.times[k]), kept.map((k) => of[name][k]), color, width, more);
  };
  const now = moment(shown.of, shown.k);
  const height = curve.ends.map((end) => (curve.log ? 10 ** end : end));
  const traces = pinned ? [followed(pinned, colour.pinned, 3)] : [];
  traces.push(line([now, now], height, colour.quiet, 1));
  const hover = { hovertemplate: "t = %{x:.3g}: %{y:.3g}<extra></extra>", hoverinfo: undefined };
  traces.push(followed(shown, colourOf(shown.index), 2, { trace: hover }));
  const dot = { cliponaxis: false, hoverinfo: "skip" };
  traces.push(dots([now], [Math.max(shown.of[name][shown.k], height[0])], { color: colourOf(shown.index), size: 10 }, dot));
  return panel(`curve-${i}`, traces, axis("t (mean-field time)", time.ends, scale(time.log, time.ends)),
    axis("", curve.ends, scale(curve.log, curve.ends)), { l: 40, r: 8, t: 4, b: 40 });
}

function draw(shown, pinned) {
  const curves = facts.curves.map((curve, i) => drawCurve(curve, i, shown, pinned));
  return Promise.all([drawParticles(shown, pinned), drawFunctions(shown, pinned), ...curves]);
}
