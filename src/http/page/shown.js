// How things look: each function makes the elements of one thing. Everything from outside goes in as text.

/** An element; strings among its children become text, nothing ever becomes markup. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Brings the children of `box` in line with `items`, leaving alone what did not change (focus, selection, readers). */
export function sync(box, items, key, build) {
  const there = new Map([...box.children].map((node) => [node.dataset.key, node]));
  let place = null;
  for (const item of items) {
    const looks = JSON.stringify(item);
    let node = there.get(key(item));
    there.delete(key(item));
    if (!node || node.dataset.looks !== looks) {
      const fresh = build(item);
      fresh.dataset.key = key(item);
      fresh.dataset.looks = looks;
      const focused = node?.contains(document.activeElement);
      node?.replaceWith(fresh);
      node = fresh;
      if (focused) node.querySelector("a, button, [tabindex]")?.focus({ preventScroll: true });
    }
    const next = place ? place.nextSibling : box.firstChild;
    if (next !== node) box.insertBefore(node, next);
    place = node;
  }
  for (const gone of there.values()) gone.remove();
}

export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
