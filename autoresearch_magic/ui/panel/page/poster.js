/** The saved picture below the panel, for notebooks without a kernel: it is put away while the panel is alive, which shows more. */

const PICTURE = 'img[width="760"]', PENDING = "the picture appears here"; // as saved_picture.py shows it, and what it says before

/**
 * Milliseconds after which the picture of a silent kernel is shown again: one that has ended looks like one that is busy, and the study's
 * thread updates the picture there while the panel cannot ask.
 */
const GONE = 4_000;

/**
 * Return {away, heard, back}: `away(study)` puts the picture of a study away that stands right behind the panel, unless the kernel
 * is silent; `heard` is told of silence as in transport.js; `back` shows it again.
 */
export function buildPoster(root) {
  let area = null, study = "", hidden = null, silentSince = 0;
  const watcher = new MutationObserver(() => put()); // each new picture is another output

  const isOurs = (node) => {
    const text = node.innerText ?? "";
    return Boolean(node.querySelector(PICTURE)) || (text.startsWith(`${study}:`) && text.includes(PENDING));
  };

  function put() {
    // JupyterLab and Notebook 7; elsewhere outputs stand in frames of their own, and the picture stays.
    const own = root.closest(".jp-OutputArea-child"), next = own?.nextElementSibling;
    if (!next || next === hidden || !isOurs(next)) return;
    if (hidden) hidden.style.removeProperty("display");
    hidden = next;
    hidden.style.setProperty("display", "none", "important");
    if (area === own.parentElement) return;
    watcher.disconnect();
    area = own.parentElement;
    watcher.observe(area, { childList: true });
  }

  function back() {
    watcher.disconnect();
    hidden?.style.removeProperty("display");
    [area, hidden] = [null, null];
  }

  function heard(kind) {
    if (!kind) silentSince = 0;
    else silentSince ||= performance.now();
    if (kind === "none" || (kind && performance.now() - silentSince > GONE)) back();
  }

  function away(name) {
    study = name;
    if (!silentSince) put();
  }

  return { away, heard, back };
}
