"use strict";
/* The computing of a report's planner: pure functions of what the page holds and of what was typed.

   In each draw the law is floor + (exp(log_A) / N^alpha + exp(log_B) / D^beta)^power. Where the fit has a discrepancy,
   the curve is the law times exp(mean + sd * normal). Its mean and variance are looked up in a table over log N and
   log D, with straight lines between its places, and the normal number of each draw is fixed. */

const SUFFIXES = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]];
const HALVINGS = 200; // of an interval that holds an optimum; it ends earlier, where nothing changes any more
const SECONDS = 3600; // in an hour

/* Numbers from the base64 text of their little-endian bytes; kind is Float64Array or Float32Array. */
function decoded(text, kind) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return Array.from(new kind(bytes.buffer));
}

/* The model of the page's data: draws as arrays, and the table of the discrepancy or null. */
function modelOf(data) {
  const model = { ...data, draws: {}, table: null };
  for (const name of Object.keys(data.draws)) model.draws[name] = decoded(data.draws[name], Float64Array);
  if (data.table) {
    model.table = { log_N: data.table.log_N, log_D: data.table.log_D, normal: decoded(data.table.normal, Float64Array) };
    for (const name of ["mean", "variance"]) model.table[name] = decoded(data.table[name], Float32Array);
  }
  return model;
}

/* The quantile of sorted numbers, with straight lines between them, as NumPy's default. */
function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/* Median and equal-tailed interval; all NaN where one draw is, since a band of the others would be too narrow. */
function summary(values, prob) {
  if (values.some(Number.isNaN)) return { median: NaN, lower: NaN, upper: NaN };
  const sorted = Float64Array.from(values).sort();
  const tail = (1 - prob) / 2;
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, tail), upper: quantile(sorted, 1 - tail) };
}

/* The law in draw i. */
function lawAt(model, i, logN, logD) {
  const { log_A, alpha, log_B, beta, floor, power } = model.draws;
  const sum = Math.exp(log_A[i] - alpha[i] * logN) + Math.exp(log_B[i] - beta[i] * logD);
  return floor[i] + Math.pow(sum, power[i]);
}

/* Where a value lies among the places of a table: the place before it, and the share of the step behind that. */
function placeIn(places, value) {
  const last = places.length - 1;
  if (!(value >= places[0] && value <= places[last])) return null;
  let low = 0;
  while (low < last - 1 && places[low + 1] <= value) low += 1;
  return { low, share: (value - places[low]) / (places[low + 1] - places[low]) };
}

/* The log of the discrepancy in draw i: 0 for a fit without one, NaN outside the table. */
function departureAt(model, i, logN, logD) {
  const table = model.table;
  if (table === null) return 0;
  const row = placeIn(table.log_N, logN);
  const column = placeIn(table.log_D, logD);
  if (row === null || column === null) return NaN;
  const wide = table.log_D.length;
  const start = i * table.log_N.length * wide + row.low * wide + column.low;
  const between = (values) => {
    const first = values[start] + column.share * (values[start + 1] - values[start]);
    const next = start + wide;
    const second = values[next] + column.share * (values[next + 1] - values[next]);
    return first + row.share * (second - first);
  };
  return between(table.mean) + Math.sqrt(between(table.variance)) * table.normal[i];
}

/* Draws moved away from their median by the factor of a recalibrated fit, on the scale of its noise. */
function widened(values, factor, scale) {
  if (factor === 1 || values.some(Number.isNaN)) return values;
  const there = scale === "log" ? values.map(Math.log) : values;
  const middle = quantile(Float64Array.from(there).sort(), 0.5);
  const moved = there.map((value) => middle + factor * (value - middle));
  return scale === "log" ? moved.map(Math.exp) : moved;
}

/* The curve at one N and D in every draw. */
function curveAt(model, N, D) {
  const found = [];
  for (let i = 0; i < model.count; i += 1) {
    const logN = Math.log(N);
    const logD = Math.log(D);
    found.push(lawAt(model, i, logN, logD) * Math.exp(departureAt(model, i, logN, logD)));
  }
  return found;
}

/* The forecast at one N and D. */
function forecast(model, N, D) {
  return summary(widened(curveAt(model, N, D), model.factor, model.scale), model.prob);
}

/* Log N of the law's optimum in draw i, where 6 N D + 2 N served = C, without limits.

   The sum of the two terms is convex in log N, so that its slope has one root. Without served tokens that is Hoffmann
   et al. 2022, equation 4; with them the root is below it, and is found by halving. */
function freeLogN(model, i, C, served) {
  const { log_A, alpha, log_B, beta } = model.draws;
  const weight = Math.log(alpha[i]) + log_A[i] - Math.log(beta[i]) - log_B[i];
  const plain = (weight + beta[i] * Math.log(C / 6)) / (alpha[i] + beta[i]);
  if (served === 0) return plain;
  const slope = (u) => {
    const part = 1 - (2 * served * Math.exp(u)) / C;
    if (part <= 0) return Infinity;
    return (alpha[i] + beta[i]) * (u - plain) - (1 + beta[i]) * Math.log(part);
  };
  let high = Math.min(plain, Math.log(C / (2 * served)));
  let low = high - 1;
  while (slope(low) > 0) low -= 2 * (high - low);
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (slope(middle) > 0) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

/* The law's optimum for a budget C, within limits of N and D (Infinity for none), and the curve there.

   spent is false where both limits together leave a part of the budget. */
function optimum(model, C, served, maxN, maxD) {
  const logN = [];
  const logD = [];
  const loss = [];
  const low = Math.log(C / (6 * maxD + 2 * served)); // of log N; -Infinity where D has no limit and nothing is served
  const least = maxD === Infinity ? -Infinity : low;
  const most = Math.log(maxN);
  const spent = least <= most;
  for (let i = 0; i < model.count; i += 1) {
    const u = spent ? Math.min(Math.max(freeLogN(model, i, C, served), least), most) : most;
    const D = spent ? C / 6 / Math.exp(u) - served / 3 : maxD;
    const v = spent && u === least ? Math.log(maxD) : Math.log(D);
    logN.push(u);
    logD.push(v);
    loss.push(lawAt(model, i, u, v) * Math.exp(departureAt(model, i, u, v)));
  }
  const of = (values) => summary(values, model.prob);
  return {
    N: of(logN.map(Math.exp)),
    D: of(logD.map(Math.exp)),
    D_per_N: of(logD.map((v, i) => Math.exp(v - logN[i]))),
    loss: of(loss),
    spent,
  };
}

/* FLOPs that an amount buys, and what FLOPs cost. gpu has dollars an hour, peak FLOP/s, the share of it that training
   gets, and dollars a FLOP, which is NaN where it follows from the others. */
function flopsPerHour(gpu) {
  return gpu.peak * gpu.share * SECONDS;
}

function dollarsPerFlop(gpu) {
  return Number.isNaN(gpu.perFlop) ? gpu.dollars / flopsPerHour(gpu) : gpu.perFlop;
}

function flopsOf(amount, unit, gpu) {
  if (unit === "dollars") return amount / dollarsPerFlop(gpu);
  return unit === "hours" ? amount * flopsPerHour(gpu) : amount;
}

/* Compute of a run, with what serving it costs. */
function costOf(N, D, served) {
  return 6 * N * D + 2 * N * served;
}

/* E-folds by which a run lies outside the fitted runs, along the axis where that is most. */
function outside(model, N, D) {
  const here = { N, D, C: 6 * N * D, D_per_N: D / N };
  let far = 0;
  for (const [axis, [low, high]] of Object.entries(model.runs)) {
    far = Math.max(far, Math.log(low / here[axis]), Math.log(here[axis] / high));
  }
  return far < 1e-9 ? 0 : far;
}

/* A number as people type it: 70B, 1.4T, 5.76e23, 1,000. NaN for blank, undefined for what is no positive number. */
function parsed(text) {
  const plain = text.replace(/[\s,_]/g, "");
  if (plain === "") return NaN;
  const match = /^(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)([kmbt]?)$/i.exec(plain);
  if (match === null) return undefined;
  const suffix = SUFFIXES.find(([letter]) => letter === match[2].toUpperCase());
  const value = Number(match[1]) * (suffix ? suffix[1] : 1);
  return Number.isFinite(value) ? value : undefined;
}

/* A number as the report writes it, with four digits; counts with a suffix. */
function written(value, count) {
  if (!Number.isFinite(value)) return "\u2013";
  if (count) {
    const suffix = SUFFIXES.find(([, size]) => value >= 0.9995 * size && value < 0.9995e15);
    if (suffix) return `${Number((value / suffix[1]).toPrecision(3))}${suffix[0]}`;
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(3).replace("e+", "e");
  return size >= 1e4 ? value.toFixed(0) : value.toPrecision(4);
}

if (typeof module !== "undefined") {
  module.exports = { costOf, flopsOf, forecast, modelOf, optimum, outside, parsed, quantile, written };
}
