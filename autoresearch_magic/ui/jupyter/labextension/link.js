/**
 * The link of a notebook to its kernel: a comm, which is there while the kernel has the magics. `ui/jupyter/cells.py` has the messages.
 *
 * It is opened after a cell that mentions autoresearch has run, and when a notebook with such a cell is opened or its kernel is another one. A
 * kernel without the magics closes it, and it stays closed until the next such cell has run.
 */

const COMM = "autoresearch_magic", ANSWER = 5000;

export class Link {
  /** @param panel the notebook's panel */
  constructor(panel) {
    this.panel = panel;
    this.studies = [];
    this.changed = new Set(); // functions that are called when the studies have changed, or the link is gone
    this.offered = async () => ""; // puts an offered version into its place, and returns what was done
    this.comm = null;
    this.opening = false;
    this.waiting = new Map(); // key -> resolve
    this.keys = 0;
    const context = panel.sessionContext;
    context.kernelChanged.connect(() => { this.drop(); void this.openIfUsed(); });
    context.statusChanged.connect((_, status) => { if (status.endsWith("restarting") || status === "dead") this.drop(); });
    context.connectionStatusChanged.connect((_, status) => { if (status === "connected") this.hello(); });
    panel.disposed.connect(() => { this.drop(); });
    void Promise.all([panel.context.ready, context.ready]).then(() => this.openIfUsed());
  }

  /** Open the link if a code cell of the notebook mentions autoresearch. */
  async openIfUsed() {
    const cells = this.panel.content?.model?.sharedModel.cells ?? [];
    if (!cells.some((cell) => cell.cell_type === "code" && cell.getSource().includes("autoresearch"))) return;
    // A kernel that has the magics has had a link before. Else it would be asked for what it does not have, and log an error.
    const kernel = this.panel.sessionContext.session?.kernel;
    const comms = kernel?.requestCommInfo({ target_name: COMM }).then((reply) => Object.keys(reply.content.comms ?? {}).length, () => 0);
    if (comms && await Promise.race([comms, pause(ANSWER).then(() => true)])) await this.open(); // a busy kernel says nothing for a while
  }

  async open() {
    const kernel = this.panel.sessionContext.session?.kernel;
    if (!kernel || this.comm || this.opening || kernel.handleComms === false) return;
    this.opening = true;
    try {
      await kernel.info;
      const comm = kernel.createComm(COMM);
      // With a subshell of its own, it is answered while a cell runs; what is sent before that is there waits for the cell.
      if (kernel.supportsSubshells) await Promise.race([Promise.resolve(comm.subshellStarted).catch(() => {}), pause(ANSWER)]);
      if (comm.isDisposed || this.panel.isDisposed) return;
      comm.onMsg = (message) => { this.take(message.content.data); };
      comm.onClose = () => { if (this.comm === comm) this.drop(); };
      this.comm = comm;
      comm.open({ type: "hello", page: pageName(this.panel.id) });
    } catch { /* the kernel went away meanwhile: a new one is told by a signal */
    } finally {
      this.opening = false;
    }
  }

  /** Say hello again: after a lost connection, something may have been missed. */
  hello() {
    this.send({ type: "hello", page: pageName(this.panel.id) });
  }

  drop() {
    this.comm = null;
    this.studies = [];
    for (const resolve of this.waiting.values()) resolve(null);
    this.waiting.clear();
    this.tell();
  }

  send(content) {
    try {
      this.comm?.send(content);
    } catch { /* the kernel is gone */ }
  }

  /** Ask the kernel; null where there is no answer in time (milliseconds). */
  ask(content, patience = ANSWER) {
    if (!this.comm) return Promise.resolve(null);
    const key = ++this.keys;
    return new Promise((resolve) => {
      this.waiting.set(key, resolve);
      this.send({ ...content, key });
      setTimeout(() => { resolve(null); this.waiting.delete(key); }, patience);
    });
  }

  take(content) {
    if (content.type === "studies") {
      this.studies = content.studies;
      this.tell();
    } else if (content.type === "offer") {
      this.send({ type: "take", offer: content.offer });
    } else if (content.type === "give") {
      void this.offered(content).then((message) => { this.send({ type: "done", offer: content.offer, message }); });
    } else if (content.key !== undefined) {
      this.waiting.get(content.key)?.(content);
      this.waiting.delete(content.key);
    }
  }

  tell() {
    for (const call of this.changed) call();
  }
}

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Return a name of a notebook in this tab of the browser, the same after a reload: then the kernel knows that the former link is over. */
function pageName(id) {
  let tab = null;
  try {
    tab = sessionStorage.getItem("autoresearch-magic:tab") ?? crypto.randomUUID?.() ?? String(Math.random());
    sessionStorage.setItem("autoresearch-magic:tab", tab);
  } catch { /* a browser that stores nothing */ }
  return `${tab ?? Math.random()}:${id}`;
}
