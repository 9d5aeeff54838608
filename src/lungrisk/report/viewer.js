// The slices of the report: wheel, keys and slider move through them, a window is a table from levels to grey.
"use strict";
(() => {
  const root = document.getElementById("viewer");
  const data = JSON.parse(document.getElementById("slices").textContent);
  const WINDOWS = { lung: [-1350, 150], mediastinum: [-160, 240], bone: [-500, 1300] }; // HU: black, white
  const SVG = "http://www.w3.org/2000/svg";
  const screen = root.querySelector(".screen");
  const canvas = root.querySelector("canvas");
  const marks = root.querySelector("svg");
  const where = root.querySelector(".where");
  const slider = root.querySelector("input");
  const buttons = [...root.querySelectorAll("[data-window]")];
  const context = canvas.getContext("2d");
  const desk = document.createElement("canvas"); // where pictures are unpacked, never shown
  const unpack = desk.getContext("2d", { willReadFrequently: true });
  const kept = new Map(); // place in the stack -> levels of that slice
  let at = 0;
  let table = new Uint8ClampedArray(256); // level -> grey
  let chosen = null; // the nodule that was gone to last
  let turned = 0; // wheel travel that has not yet made a step

  canvas.width = desk.width = data.width;
  canvas.height = desk.height = data.height;
  marks.setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
  slider.max = data.indices.length - 1;

  function huOf(level) {
    const hu = data.knots_hu;
    const levels = data.knots_level;
    let n = 1;
    while (n < levels.length - 1 && level > levels[n]) n += 1;
    return hu[n - 1] + ((level - levels[n - 1]) * (hu[n] - hu[n - 1])) / (levels[n] - levels[n - 1]);
  }

  function useWindow(name) {
    const [black, white] = WINDOWS[name];
    table = Uint8ClampedArray.from({ length: 256 }, (_, level) => ((huOf(level) - black) * 255) / (white - black));
    root.dataset.window = name;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.window === name)));
    paint();
  }

  async function levelsOf(place) {
    if (!kept.has(place)) {
      const image = new Image();
      image.src = "data:image/jpeg;base64," + data.pictures[place];
      await image.decode();
      unpack.drawImage(image, 0, 0);
      const pixels = unpack.getImageData(0, 0, data.width, data.height).data;
      kept.set(place, pixels.filter((_, n) => n % 4 === 0));
    }
    return kept.get(place);
  }

  async function paint() {
    const place = at;
    const levels = await levelsOf(place);
    if (place !== at) return; // the reader has moved on meanwhile
    const picture = context.createImageData(data.width, data.height);
    const words = new Uint32Array(picture.data.buffer);
    for (let n = 0; n < levels.length; n += 1) words[n] = 0xff000000 | (0x010101 * table[levels[n]]);
    context.putImageData(picture, 0, 0);
    mark(data.indices[place]);
    where.textContent = `slice ${data.indices[place]} (0 to ${data.n_slices - 1}), z ${data.z_mm[place].toFixed(1)} mm`;
    root.dataset.slice = data.indices[place];
  }

  function shape(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text) element.textContent = text;
    marks.append(element);
  }

  function mark(slice) {
    marks.replaceChildren();
    data.nodules
      .filter((nodule) => Math.abs(nodule.slice - slice) <= Math.max(nodule.reach, 0.5))
      .forEach((nodule) => {
        const kind = (nodule.accepted ? "" : "other ") + (nodule === chosen ? "chosen" : "");
        shape("circle", { cx: nodule.x, cy: nodule.y, r: nodule.r, class: kind });
        shape("text", { x: nodule.x + 0.8 * nodule.r, y: nodule.y - 0.8 * nodule.r, class: kind }, nodule.id);
      });
    [["R", 6, 0.5], ["L", data.width - 16, 0.5]].forEach(([name, x, y]) =>
      shape("text", { x, y: y * data.height, class: "side" }, name));
  }

  function goTo(place) {
    at = Math.min(Math.max(place, 0), data.indices.length - 1);
    slider.value = at;
    paint();
  }

  function nearest(slice) {
    let best = 0;
    data.indices.forEach((k, n) => {
      if (Math.abs(k - slice) < Math.abs(data.indices[best] - slice)) best = n;
    });
    return best;
  }

  function show(nodule, scroll) {
    chosen = nodule;
    goTo(nearest(nodule.slice));
    if (scroll) root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  const KEYS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, End: 1e6, Home: -1e6 };
  screen.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    goTo(at + KEYS[event.key]);
  });
  screen.addEventListener("wheel", (event) => {
    event.preventDefault();
    turned += event.deltaMode === 0 ? event.deltaY / 40 : event.deltaY;
    const step = Math.trunc(turned);
    turned -= step;
    if (step) goTo(at - Math.sign(step) * Math.min(Math.abs(step), 3)); // down the wheel is down the body
  }, { passive: false });
  slider.addEventListener("input", () => goTo(Number(slider.value)));
  buttons.forEach((button) => button.addEventListener("click", () => useWindow(button.dataset.window)));
  document.querySelectorAll("[data-nodule]").forEach((card) => {
    const nodule = data.nodules.find((each) => each.id === card.dataset.nodule);
    if (!nodule) return;
    card.classList.add("live");
    const button = card.querySelector(".jump");
    button.hidden = false;
    button.addEventListener("click", () => show(nodule, true));
    card.querySelectorAll(".plane").forEach((plane) => plane.addEventListener("click", () => show(nodule, true)));
  });

  document.querySelectorAll("button.jump[data-slice]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      goTo(nearest(Number(button.dataset.slice)));
      root.scrollIntoView({ block: "nearest", behavior: "smooth" });
    });
  });

  root.hidden = false;
  document.body.classList.add("scripted");
  const first = data.nodules.find((nodule) => nodule.accepted);
  at = first ? nearest(first.slice) : Math.floor(data.indices.length / 2);
  slider.value = at;
  useWindow("lung");
})();
