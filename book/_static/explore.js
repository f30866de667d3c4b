// The rows of a table of tab-separated values. Vega's own reader makes code of text, which the site forbids.
function rowsOf(text) {
  const [names, ...rows] = text.split("\n").slice(0, -1).map((line) => line.split("\t"));
  return rows.map((cells) => Object.fromEntries(cells.map((cell, k) => [names[k], cell])));
}

// Every figure with a specification becomes a chart that answers its inputs, in place of its picture.
for (const source of document.querySelectorAll("figure.explorable script")) {
  const figure = source.closest("figure");
  const spec = JSON.parse(source.textContent, (_, value) => (value?.type === "tsv" ? { parse: value.parse } : value));
  for (const name in spec.datasets) spec.datasets[name] = rowsOf(spec.datasets[name]);
  const [inputs, chart] = ["inputs", "chart"].map((name) => {
    const box = document.createElement("div");
    box.className = "explorable-" + name;
    return box;
  });
  figure.prepend(inputs, chart);

  // On a phone, panels stand above each other and a chart takes the width there is.
  const room = chart.clientWidth - 24;
  if (spec.hconcat && room < 600) {
    spec.vconcat = spec.hconcat;
    delete spec.hconcat;
  } else if (spec.width > room) {
    Object.assign(spec, { width: room, autosize: { type: "fit-x", contains: "padding" } });
  }

  // A screen reader is told the alt text, and the titles anew at each move: the marks are too many.
  const titles = document.createElement("output");
  titles.className = "visually-hidden";
  const tell = () => {
    const lines = [...chart.querySelectorAll(".role-title text")];
    titles.textContent = lines.map((line) => line.textContent).join(", ");
  };
  const options = { mode: "vega-lite", ast: true, actions: false, renderer: "svg", bind: inputs };
  vegaEmbed(chart, spec, options).then(({ view }) => {
    figure.classList.add("drawn");
    chart.querySelector("svg").setAttribute("aria-hidden", "true");
    inputs.append(titles);
    inputs.addEventListener("input", () => view.runAsync().then(tell));
  });
}
