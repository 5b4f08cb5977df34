// Builds elements. Strings become text nodes: nothing on this page ever parses text as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props` sets `class`, `data` and `on` (listeners by event); everything else is an attribute. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

/** Sets the text of a node unless it is the same already, so that nothing is laid out or announced for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Drawn on a grid of 24, with a pen of 1.7.
const ICONS = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 6.5h16M4 12h10M4 17.5h16",
  sliders: "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5v5M8 13.5v5",
  up: "M12 19V5.5M6 11l6-6 6 6",
  down: "M12 5v13.5M6 13l6 6 6-6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  retry: "M19 12a7 7 0 1 1-2.3-5.200M19 4v4h-4",
  edit: "M5 19h3L18.5 8.5l-3-3L5 16zM13.5 7.5l3 3",
  left: "M14.5 6l-6 6 6 6",
  right: "M9.5 6l6 6-6 6",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.400L17 7M10.5 11v5M13.5 11v5",
  import: "M12 4v10.5M7.5 10.5L12 15l4.5-4.5M5 19.5h14",
  export: "M12 15V4.5M7.5 8.5L12 4l4.5 4.5M5 19.5h14",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.600 5.600l1.100 1.100M17.3 17.3l1.100 1.100M5.600 18.400l1.100-1.100M17.3 6.7l1.100-1.100",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  keyboard: "M3.5 7h17v10.5h-17zM7 10.5h.01M10.3 10.5h.01M13.600 10.5h.01M17 10.5h.01M8 14h8",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  bolt: "M13 4L6 13.5h5.5L11 20l7-9.5h-5.5z",
  alert: "M12 5L3.5 19h17zM12 10.5v4M12 16.600h.01",
};

/** One of the icons above; screen readers skip it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Puts the icon that `data-icon` names in front of each element that asks for one. */
export function placeIcons(root) {
  for (const node of root.querySelectorAll("[data-icon]")) {
    if (node.dataset.say) node.replaceChildren(icon(node.dataset.icon), el("span", { data: { say: node.dataset.say } }));
    else node.replaceChildren(icon(node.dataset.icon));
    delete node.dataset.say;
  }
}
