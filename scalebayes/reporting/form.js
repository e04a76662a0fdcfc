/* The planner's form: reads what was typed, and writes what planner.js computes. */

function startPlanner() {
  const model = modelOf(JSON.parse(document.getElementById("planner-data").textContent));
  const form = document.getElementById("planner-form");
  const said = document.getElementById("planner-said");

  /* The number in a field. What is no number marks the field, and is told by name. */
  function read(name, wrong) {
    const field = form.elements[name];
    const value = parsed(field.value);
    const blank = Number.isNaN(value);
    const bad = value === undefined || (blank && field.required) || (value === 0 && name !== "served");
    field.setAttribute("aria-invalid", bad ? "true" : "false");
    if (bad) wrong.push(field.labels[0].textContent);
    return value;
  }

  function cell(id, value, count) {
    const data = document.createElement("data");
    data.value = String(value);
    data.textContent = written(value, count);
    document.getElementById(id).replaceChildren(data);
  }

  function band(id, row, count) {
    for (const part of ["median", "lower", "upper"]) {
      const there = document.getElementById(`${id}-${part}`);
      if (there) cell(there.id, row[part], count);
    }
  }

  function update() {
    const wrong = [];
    const names = ["budget", "dollars", "peak", "mfu", "per_flop", "served", "max_N", "max_D", "N", "D"];
    const typed = Object.fromEntries(names.map((name) => [name, read(name, wrong)]));
    if (typed.mfu > 100) wrong.push(form.elements.mfu.labels[0].textContent);
    if (wrong.length) {
      said.textContent = `Not a positive number that can be used: ${wrong.join("; ")}. The table below is from before.`;
      return;
    }
    const gpu = { dollars: typed.dollars, peak: typed.peak, share: typed.mfu / 100, perFlop: typed.per_flop };
    const C = flopsOf(typed.budget, form.elements.unit.value, gpu);
    const served = Number.isNaN(typed.served) ? 0 : typed.served;
    const limit = (value) => (Number.isNaN(value) ? Infinity : value);
    const best = optimum(model, C, served, limit(typed.max_N), limit(typed.max_D));
    const cost = costOf(typed.N, typed.D, served);
    for (const [id, flops] of [["budget", C], ["run", cost]]) {
      cell(`${id}-flops`, flops);
      cell(`${id}-dollars`, flops * dollarsPerFlop(gpu));
      cell(`${id}-hours`, flops / flopsPerHour(gpu));
    }
    band("best-N", best.N, true);
    band("best-D", best.D, true);
    band("best-ratio", best.D_per_N);
    band("best-loss", best.loss);
    band("run-loss", forecast(model, typed.N, typed.D));
    cell("run-outside", outside(model, typed.N, typed.D));
    const notes = [];
    if (!best.spent) notes.push("The limits on N and D together leave a part of the budget unspent.");
    if (model.table !== null && (Number.isNaN(best.loss.median) || document.querySelector("#run-loss-median data").value === "NaN")) {
      notes.push("A dash is where a draw lies outside the table of the discrepancy; ask sb.predict there.");
    }
    said.textContent = notes.join(" ");
  }

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
}

startPlanner();
