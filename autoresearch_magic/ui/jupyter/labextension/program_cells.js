/**
 * Colours program cells as Markdown from their second line on; the first line, with the options, stays Python, and front matter is YAML. Other
 * cells are left alone.
 *
 * CodeMirror takes the first language that an editor is given. A program cell is given one before that of the kernel: it hands the first line to
 * the Python parser and the rest to those of Markdown and YAML. It comes and goes with the first line, while one types.
 */

import { isProgram } from "./target_cells.js";

const CHECKED = 200; // characters of the text that say whether it is a program
const FRONT_MATTER = /^\s*---[ \t]*\n[^]*?\n---[ \t]*(\n|$)/;

/**
 * Return a function that returns CodeMirror's extension for an editor with a text.
 *
 * @param parsers those of python, markdown and yaml
 * @param codemirror the modules @codemirror/language, @codemirror/state and @lezer/common
 */
export function programHighlighting({ python, markdown, yaml }, { language, state, lezer }) {
  const data = language.defineLanguageFacet();
  const top = lezer.NodeType.define({ id: 0, name: "AutoresearchProgram", top: true, props: [[language.languageDataProp, data]] });

  /** One parse: all parts at once, for programs are short. */
  class Parse {
    constructor(text) {
      this.text = text;
      this.parsedPos = 0;
      this.stoppedAt = null;
    }

    advance() {
      const end = this.text.indexOf("\n", Math.max(0, this.text.search(/\S/))); // of the first line that is not empty
      const first = end < 0 ? this.text : this.text.slice(0, end + 1), rest = this.text.slice(first.length);
      const [matter] = FRONT_MATTER.exec(rest) ?? [""];
      this.parsedPos = this.text.length;
      const starts = [0, first.length, first.length + matter.length];
      const trees = [[python, first], [yaml, matter], [markdown, rest.slice(matter.length)]]
        .map(([parser, part]) => (parser ? parser.parse(part) : new lezer.Tree(lezer.NodeType.none, [], [], part.length)));
      return new lezer.Tree(top, trees, starts, this.text.length);
    }

    stopAt(position) {
      this.stoppedAt = position;
    }
  }

  class ProgramParser extends lezer.Parser {
    createParse(input) {
      return new Parse(input.read(0, input.length));
    }
  }

  const program = state.Prec.highest(language.language.of(new language.Language(data, new ProgramParser(), [], "autoresearch-program")));

  /** Return the extension of an editor with this text. A language that is there all the time would change editors that have none. */
  return (text) => {
    const place = new state.Compartment();
    return [
      place.of(isProgram(text) ? program : []),
      state.EditorState.transactionExtender.of((change) => {
        if (!change.docChanged) return null;
        const wanted = isProgram(change.newDoc.sliceString(0, CHECKED)) ? program : [];
        return (place.get(change.startState) === program) === (wanted === program) ? null : { effects: place.reconfigure(wanted) };
      }),
    ];
  };
}
