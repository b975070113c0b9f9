"use strict";

// The records, as `_packing.py` writes them: unpacked once, turned into numbers when a run is first shown.

const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);

async function unpacked(id) {
  const letters = atob(element(id).textContent);
  element(id).remove();
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let block = null;
const product = (shape) => shape.reduce((all, n) => all * n, 1);

function numbers(place) {
  const count = product(place.shape);
  if (place.kind === "f4") return new Float32Array(block.buffer, place.at, count);
  const codes = new Uint16Array(block.buffer, place.at, count).slice();
  const row = place.shape.length > 1 ? count / place.shape[0] : count;
  for (let i = row; i < count; i++) codes[i] += codes[i - row]; // along time, differences were kept
  return Float64Array.from(codes, (code) => (code === 65535 ? NaN : place.low + place.step * code));
}

const unfolded = new Map();

/** The arrays of one run by name, with their places. */
function arraysOf(index) {
  if (!unfolded.has(index)) {
    const places = facts.runs[index].arrays;
    const arrays = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, numbers(place)]));
    unfolded.set(index, { ...arrays, places });
  }
  return unfolded.get(index);
}

/** An array at one time; one without an axis of time is the same at all of them. */
function at(of, name, k) {
  const shape = of.places[name].shape;
  if (shape.length === 1) return of[name];
  const row = product(shape.slice(1));
  return of[name].subarray(k * row, (k + 1) * row);
}

function column(rows, width, which) {
  return Array.from({ length: rows.length / width }, (_, i) => rows[i * width + which]);
}

function nearest(times, t) {
  let best = 0;
  times.forEach((one, k) => { if (Math.abs(one - t) < Math.abs(times[best] - t)) best = k; });
  return best;
}

/** A number for people: three digits, powers of ten where they are shorter. */
function readable(value) {
  if (typeof value !== "number" || value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) return String(Number(value.toPrecision(size < 1e3 ? 3 : 6))).replace("-", "−");
  const [digits, power] = value.toExponential(2).split("e");
  const raised = Array.from(String(Number(power)), (letter) => (letter === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[letter])).join("");
  return `${digits.replace("-", "−")}·10${raised}`;
}
