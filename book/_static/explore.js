// Every figure with a specification becomes a chart that answers its inputs, in place of its picture.
for (const source of document.querySelectorAll("figure.explorable script")) {
  const figure = source.closest("figure");
  const spec = JSON.parse(source.textContent);
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
