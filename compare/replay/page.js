/** Replays the chosen trace, and shows how far Elbow and jax-js differ and how fast each is. */

/** Of every loss; of gradients in the first step, as later ones are of weights that rounding has moved apart. */
const ALLOWED = { loss: 2e-4, firstGradient: 1e-3 };
const MOST_TABLE_ROWS = 20;

const element = (id) => document.getElementById(id);

const short = (difference) => (difference === 0 ? "0" : difference.toExponential(1));

/** Differences on a logarithmic scale. */
function drawChart(found) {
  const [width, height, left, bottom] = [720, 220, 48, 24];
  const decades = [-9, 1];
  const x = (i) => left + ((width - left - 8) * i) / Math.max(1, found.length - 1);
  const y = (value) => {
    const power = Math.min(decades[1], Math.max(decades[0], Math.log10(value)));
    return 8 + ((height - bottom - 8) * (decades[1] - power)) / (decades[1] - decades[0]);
  };
  const grid = [-8, -6, -4, -2, 0].map(
    (power) =>
      `<line x1="${left}" x2="${width - 8}" y1="${y(10 ** power)}" y2="${y(10 ** power)}" stroke="var(--line)"/>` +
      `<text x="${left - 8}" y="${y(10 ** power) + 4}" text-anchor="end">1e${power}</text>`,
  );
  const lines = ["gradient", "loss"].map((key) => {
    const points = found.map((step, i) => `${x(i).toFixed(1)},${y(step[key]).toFixed(1)}`).join(" ");
    return `<polyline points="${points}" fill="none" stroke="var(--${key})" stroke-width="1.8" stroke-linejoin="round"/>`;
  });
  const limit = y(ALLOWED.loss);
  lines.push(
    `<line x1="${left}" x2="${width - 8}" y1="${limit}" y2="${limit}" stroke="var(--loss)" stroke-dasharray="3 5"/>`,
  );
  const ends = `<text x="${left}" y="${height - 6}">1</text><text x="${width - 8}" y="${height - 6}" text-anchor="end">${found.length}</text>`;
  element("chart").innerHTML =
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Relative differences by step">${grid.join("")}${lines.join("")}${ends}</svg>`;
}

/** Text only: names and machines come from a file. */
function textRow(cells) {
  const row = document.createElement("tr");
  for (const cell of cells) row.insertCell().textContent = cell;
  return row;
}

function showSteps(found) {
  const every = Math.max(1, Math.ceil(found.length / MOST_TABLE_ROWS));
  const shown = found
    .map((step, i) => ({ ...step, number: i + 1 }))
    .filter(({ number }) => number === 1 || number % every === 0 || number === found.length);
  element("steps").replaceChildren(
    ...shown.map(({ number, ours, theirs, loss, gradient, worst }) =>
      textRow([number, ours.toFixed(5), theirs.toFixed(5), short(loss), short(gradient), worst]),
    ),
  );
}

function showSpeed(trace, theirs, where) {
  const ours = 1 / median(trace.seconds);
  const most = Math.max(ours, theirs);
  const bars = [
    ["Elbow", ours],
    ["jax-js", theirs],
  ].flatMap(([name, rate]) => {
    const label = document.createElement("span");
    label.textContent = `${name}: ${rate.toFixed(1)} steps/s`;
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.style.width = `${(100 * rate) / most}%`;
    return [label, bar];
  });
  element("speed").replaceChildren(...bars);
  element("fairness").textContent =
    `Elbow's figure is from the trace: the median of its steps, ${trace.metadata.machine ?? "on an unnamed machine"}. ` +
    `That of jax-js is the median of ${TIMED_PASSES} passes over the trace after two of warm-up, on ${where} here, with all ` +
    "batches on the device beforehand and the clock stopped when the device is done.";
}

function show(trace, found, rate, where) {
  const largest = (key) => largestOf(found.map((step) => step[key]));
  const same = largest("loss") <= ALLOWED.loss && found[0].gradient <= ALLOWED.firstGradient;
  const { inputDim, hidden, latentDim, activation, likelihood } = trace.config;
  element("verdict").className = `verdict ${same ? "good" : "bad"}`;
  element("verdict").textContent = same ? "The two agree." : "The two do not agree.";
  element("about").textContent =
    `Losses of ${found.length} steps differ by ${short(largest("loss"))} at most (allowed: ${short(ALLOWED.loss)}), gradient norms by ` +
    `${short(found[0].gradient)} in the first step (allowed: ${short(ALLOWED.firstGradient)}) and ${short(largest("gradient"))} in any. ` +
    `${[inputDim, ...hidden, latentDim, ...hidden.toReversed(), inputDim].join("-")}, ${activation}, ${likelihood}, ` +
    `${trace.metadata.dataset ?? "own data"}; ${where}.`;
  drawChart(found);
  showSpeed(trace, rate, where);
  showSteps(found);
  element("results").hidden = false;
}

/** Resolves after the browser has had a chance to paint. */
async function say(text, bad = false) {
  element("status").textContent = text;
  element("status").className = bad ? "bad" : "";
  await new Promise((resolve) => setTimeout(resolve));
}

async function run() {
  const [file] = element("trace").files;
  await say("Reading …");
  const trace = readTrace(await file.arrayBuffer(), file.name);
  const x = trace.x ?? (await readRows(element("data").files[0], trace));
  await say("Loading jax-js …");
  const jax = await openBackend(element("backend").value);
  const batches = uploadBatches(jax, trace, x);
  const found = await compare(jax, trace, batches, say);
  const rate = await stepsPerSecond(jax, trace, batches, say);
  show(trace, found, rate, jax.where);
  const fallback = jax.device === "wasm" && element("backend").value === "auto";
  await say(fallback ? "This browser gives the page no WebGPU, so this ran on WebAssembly, one thread." : "");
}

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  element("run").disabled = true;
  element("results").hidden = true;
  try {
    await run();
  } catch (error) {
    console.error(error);
    await say(
      error instanceof Unusable ? `${error.message}.` : `This should not have happened: ${error}`,
      true,
    );
  } finally {
    element("run").disabled = false;
  }
});
