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

/** Whether the panel is in a frame that is as high as its content, as in VS Code and Colab: nothing can be shown over the page there. */
export const shownInFlow = () => window !== window.top && !document.querySelector(".jp-Notebook");

/**
 * In command mode JupyterLab handles Enter, Space and arrows as shortcuts before a button here sees them. The attribute on
 * the focused element itself, not on one around it, prevents that; it is set only for keys that the panel uses, so that Ctrl+S still saves. A dialog takes all other keys:
 * "d d" in it must not delete the cell. An element names further keys of its own in `data-arm-keys`, such as "+ Shift+ArrowLeft".
 */
export function keepKeys(event) {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
  const ours = plain && ["Enter", " ", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key);
  const named = `${event.shiftKey && event.key.length > 1 ? "Shift+" : ""}${event.key}`, chord = event.ctrlKey || event.metaKey || event.altKey;
  const own = !chord && (event.target.getAttribute("data-arm-keys") ?? "").split(" ").includes(named);
  const dialog = event.target.closest("dialog"), saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
  event.target.toggleAttribute("data-lm-suppress-shortcuts", dialog ? !saves : ours || own);
}

/** Copy text; where the browser refuses the clipboard to this page, by a selection. Returns whether it was copied. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* no permission, or no secure page */ }
  const area = document.createElement("textarea");
  area.readOnly = true;
  area.style.cssText = "position: fixed; opacity: 0";
  area.value = text;
  const focused = document.activeElement;
  (document.querySelector("dialog:modal") ?? document.body).append(area); // outside of an open dialog nothing can be selected
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  return done;
}
