/** Which cells are target and program cells; all is read from their first line. */

const TARGET_LINE = /^\s*%%autoresearch[ \t]+target(?![^\s])[^\n]*/;
const PROGRAM_LINE = /^\s*%%autoresearch(?=[ \t]*(\n|$)|[ \t]+(-|program(?![^\s])|[A-Z][A-Za-z]*(-[A-Za-z]+)*:\s))/;

/** Return the line of a target cell and the code below it; null for other cells. */
export function targetParts(text) {
  const [line] = TARGET_LINE.exec(text) ?? [];
  return line === undefined ? null : { line, code: text.slice(line.length + 1) };
}

/** Whether the text is that of a program cell: `%%autoresearch` with options, settings or nothing behind it, or `%%autoresearch program`. */
export const isProgram = (text) => PROGRAM_LINE.test(text);

/** Return the target cells of a notebook: {cell, line, code}. One that only names a file has no code, and is none. */
export function targetCells(notebook) {
  return notebook.widgets.flatMap((cell) => {
    const parts = cell.model.type === "code" ? targetParts(cell.model.sharedModel.getSource()) : null;
    const namesFile = parts && !parts.code.trim() && /target\s+\S/.test(parts.line);
    return parts && !namesFile ? [{ cell, ...parts }] : [];
  });
}
