// Every figure with a specification becomes a chart that answers its inputs, in place of its picture.
for (const source of document.querySelectorAll("figure.explorable script")) {
  const figure = source.closest("figure");
  const spec = JSON.parse(source.textContent);
  const chart = document.createElement("div");
  const inputs = document.createElement("div");
  chart.className = "explorable-chart";
  inputs.className = "explorable-inputs";
  figure.prepend(inputs, chart);

  // on a phone, panels stand above each other and a chart takes the width there is
  const room = chart.clientWidth - 24;
  if (spec.hconcat && room < 600) {
    spec.vconcat = spec.hconcat;
    delete spec.hconcat;
  } else if (spec.width > room) {
    Object.assign(spec, { width: room, autosize: { type: "fit-x", contains: "padding" } });
  }

  const options = { mode: "vega-lite", ast: true, actions: false, renderer: "svg", bind: inputs };
  vegaEmbed(chart, spec, options).then(() => figure.classList.add("drawn"));
}
