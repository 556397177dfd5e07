// Looks at the page that it is appended to, and tells the frame around it what is wrong with it.
const faults = [];
const seen = (element) => element.checkVisibility();
const name = (element) => `${element.tagName} "${element.textContent.trim().slice(0, 40)}"`;
const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;

if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);

const charts = [...document.querySelectorAll(".chart svg, svg.map")];
for (const svg of charts) {
  const frame = svg.getBoundingClientRect();
  if (frame.width < 250 || frame.height < 100) faults.push(`a chart of ${frame.width} x ${frame.height}`);
  const texts = [...svg.querySelectorAll("text")];
  const boxes = texts.map((text) => text.getBoundingClientRect());
  texts.forEach((text, i) => {
    const box = boxes[i];
    if (box.height < 10) faults.push(`too small to read: ${name(text)} ${box.height}`);
    if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom) {
      faults.push(`clipped: ${name(text)}`);
    }
    for (let j = 0; j < i; j++) if (!apart(box, boxes[j])) faults.push(`overlap: ${name(text)} and ${name(texts[j])}`);
  });
}

// Words that stick out of what is around them, unless that can be scrolled.
for (const element of document.querySelectorAll("h1, h2, h3, p, li, .tile, figure, .card")) {
  if (seen(element) && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline") {
    faults.push(`sticks out: ${name(element)}`);
  }
}
const tiles = [...document.querySelectorAll(".tile, figure")].map((element) => [element, element.getBoundingClientRect()]);
tiles.forEach(([a, box], i) => tiles.slice(0, i).forEach(([b, other]) => {
  if (!apart(box, other)) faults.push(`overlap: ${name(a)} and ${name(b)}`);
}));

// What is written on the page has a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3).
const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
  return "rgb(255, 255, 255)";
};
for (const element of document.querySelectorAll("h1, h2, h3, p, li, th, td, .badge, .chart text")) {
  const style = getComputedStyle(element);
  const colour = element.closest("svg") ? style.fill : style.color;
  const [light, dark] = [luminance(colour), luminance(ground(element))].sort((a, b) => b - a);
  if ((light + 0.05) / (dark + 0.05) < 4.5) faults.push(`too faint: ${name(element)} ${colour}`);
}

// A click sorts.
const table = document.querySelector("table.sortable");
const headings = table.querySelectorAll("thead button");
headings[headings.length - 1].click();
const sorted = [...table.tBodies[0].rows].map((row) => row.cells[row.cells.length - 1].dataset.sort).filter((n) => n !== undefined).map(Number);
if (sorted.some((number, i) => i > 0 && number < sorted[i - 1])) faults.push("not sorted by battery");
if (sorted.length === 0) faults.push("no batteries in the table");

const result = {
  width: innerWidth,
  height: document.documentElement.scrollHeight,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  charts: charts.length,
  texts: document.querySelectorAll(".chart text").length,
  faults: [...new Set(faults)].slice(0, 30),
};
parent.postMessage(JSON.stringify(result), "*");
