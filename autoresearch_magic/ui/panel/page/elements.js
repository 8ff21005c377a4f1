/** HTML and SVG elements. Whatever agents have written is inserted as text nodes, never as markup. */

let shell = false;

/** Say commands as a shell types them from now on: the page was opened from one. */
export const useShell = (value) => { shell = Boolean(value); };

/** Return a text of ours with its commands as they are typed where it is read; the sources write them as magics. */
export const worded = (text) => (shell ? text.replace(/%{1,2}autoresearch\b/g, "autoresearch") : text);

/** Make an HTML element; children are nodes or plain text. Class names get the prefix `arm-`. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

export const div = (name, ...children) => h("div", { class: name }, ...children);
export const span = (name, ...children) => h("span", { class: name }, ...children);

/** Set attributes (functions become event listeners) and append children, leaving out what is empty. */
export function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") node.style.cssText = value; // as an attribute, a page's policy may refuse it
    else node.setAttribute(name, name === "class" ? `${value}`.replace(/[\w-]+/g, "arm-$&") : `${value}`);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Set text only if it differs, so that a selection or a screen reader is not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
