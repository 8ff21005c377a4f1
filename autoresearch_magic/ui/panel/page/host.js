/** What depends on the page that the panel is shown in. */

/** Whether the page is dark: by the background that the host sets, else by the system's preference. */
export function isDark(root) {
  const style = getComputedStyle(root);
  const surfaces = ["--jp-layout-color1", "--vscode-editor-background", "--colab-primary-surface-color"];
  const hosted = surfaces.some((name) => style.getPropertyValue(name).trim());
  const rgb = hosted ? style.backgroundColor.match(/[\d.]+/g)?.map(Number) : null;
  const white = style.backgroundColor.startsWith("color(") ? 1 : 255; // how color-mix() is computed
  return rgb && rgb.length >= 3 ? 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < white / 2 : matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * In command mode JupyterLab handles Enter, Space and arrows as shortcuts before a button here sees them. The attribute on
 * the focused element prevents that; it is set only for keys that the panel uses, so that Ctrl+S still saves.
 */
export function keepKeys(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  const ours = plain && ["Enter", " ", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key);
  event.target.toggleAttribute("data-lm-suppress-shortcuts", ours);
}
