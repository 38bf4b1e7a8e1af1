// What must hold of every screen, seen from within the page: it fits, everything has a name, and can be read.

/** Returns what is wrong with what is shown now. */
export function look() {
  const faults = [];
  const name = (el) => el.getAttribute("aria-label") || el.innerText?.trim() || el.title || (el.labels?.length ? el.labels[0].innerText : "");
  if (document.documentElement.scrollWidth > innerWidth + 1) faults.push(`it is ${document.documentElement.scrollWidth} wide in a window of ${innerWidth}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("it has not one heading");
  if (!document.title.endsWith(" · Abide")) faults.push(`its title is ${document.title}`);
  for (const el of document.querySelectorAll("button, a[href], input, select, textarea")) {
    if (!name(el)) faults.push(`nobody can name ${el.outerHTML.slice(0, 120)}`);
    const { left, right, width } = el.getBoundingClientRect();
    const isCut = width > 0 && (left < -1 || right > innerWidth + 1) && !el.closest(".table-scroll, .legend, .segments, .tabs, .skip, .for-readers");
    if (isCut) faults.push(`${name(el)} is beyond the edge of the window`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  for (const id of ids) if (ids.filter((other) => other === id).length > 1) faults.push(`the id ${id} is there twice`);
  return faults;
}

/** Returns texts whose contrast is below WCAG AA: 4.5, or 3 for large ones. */
export function faint() {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  /** Every notation of a colour, as red, green, blue and what of it is there. */
  const colour = (text) => {
    if (!known.has(text)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], [r2, g2, b2]) => [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
  const ground = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement) {
      const layer = colour(getComputedStyle(at).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const opacity = (el) => (el ? Number(getComputedStyle(el).opacity) * opacity(el.parentElement) : 1);
  const light = (channel) => (channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const isSeen = (el) => el.checkVisibility({ opacityProperty: false, visibilityProperty: true }) && !el.closest("[disabled], .for-readers, .skip, noscript, svg");
  const found = new Map();
  const judge = (el, ink, text) => {
    const style = getComputedStyle(el);
    const below = ground(el);
    const [r, g, b, a] = colour(ink);
    const ratio = contrast(over([r, g, b, a * opacity(el)], below), below);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < wanted) found.set(`${el.tagName.toLowerCase()}.${el.className} in ${el.parentElement?.className}`, `${text.slice(0, 30)} has ${ratio.toFixed(2)}`);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement: el } = texts.currentNode;
    if (data.trim() && isSeen(el)) judge(el, getComputedStyle(el).color, data.trim());
  }
  for (const el of document.querySelectorAll("input[placeholder], textarea[placeholder]")) {
    if (isSeen(el)) judge(el, getComputedStyle(el, "::placeholder").color, el.placeholder);
  }
  return [...found].map(([where, what]) => `${where}: ${what}`);
}
