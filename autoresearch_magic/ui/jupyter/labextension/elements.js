/** Nodes of the page; all text goes in as text nodes. */

/** Return a new element with attributes and children; false attributes are left out. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...children);
  return node;
}

/** Return a piece of code within a sentence. */
export const code = (text) => element("code", {}, text);
