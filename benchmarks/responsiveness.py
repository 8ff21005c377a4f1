"""Measure how fast another cell answers while experiments run: ``1+1`` in a real kernel, idle, during a study, and with two panels open.

Run it with ``python benchmarks/responsiveness.py [cells]``. The study trains a torch model with the default number of threads;
charts are drawn and git commits are made meanwhile, as in every study. The panels' questions are put right before the cell, in the same
queue, and ask for everything: a front end with subshells, and one that knows what it has, ask for less.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

from jupyter_client.manager import start_new_kernel
from overhead import SETUP, TARGET  # beside this file


def answer(client) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    client.execute_interactive("1+1", output_hook=lambda message: None, timeout=60)
    return time.perf_counter() - began


def panels(client) -> list[str]:  # type: ignore[no-untyped-def]
    """Return the ids of the widgets that there are."""
    wanted = client.comm_info("jupyter.widget")
    while (reply := client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != wanted:
        pass
    return list(reply["content"]["comms"])


def pull(client, panel: str) -> None:  # type: ignore[no-untyped-def]
    """Ask as a panel does that was opened just now."""
    content = {"comm_id": panel, "data": {"method": "custom", "content": {"type": "pull"}}}
    client.shell_channel.send(client.session.msg("comm_msg", content))


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        manager, client = start_new_kernel(kernel_name="python3", cwd=folder)

        def run(code: str) -> None:
            reply = client.execute_interactive(code, output_hook=lambda message: None, timeout=120)
            assert reply["content"]["status"] == "ok", reply["content"]

        try:
            run("%load_ext autoresearch_magic")
            idle = [answer(client) for _ in range(cells)]
            run(f"%%autoresearch setup\n{SETUP}")
            run(f"%%autoresearch target\n{TARGET}")
            run("%%autoresearch --metric loss=evaluate(model) --budget 1s -n 500 --repeats 2\nFit")
            run("import autoresearch_magic as am, time\nwhile len(am.current().experiments) < 2: time.sleep(0.1)")
            busy = []
            for _ in range(cells):
                busy.append(answer(client))
                time.sleep(0.3)
            run("%autoresearch watch")
            opened = panels(client)  # and their layouts, which do not answer
            watched = []
            for _ in range(cells):
                for panel in opened:
                    pull(client, panel)
                watched.append(answer(client))
                time.sleep(0.3)
            run("n = len(am.current().experiments); assert am.current().state == 'running', am.current().message")
            run("%autoresearch stop")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    print(f"milliseconds until `1+1` is answered, {cells} cells each")
    named = (("idle", idle), ("while experiments run", busy), ("and two panels ask", watched))
    for name, values in named:
        ms = [1000 * v for v in values]
        print(f"  {name:<22} median {statistics.median(ms):6.1f}   min {min(ms):6.1f}   max {max(ms):6.1f}")
    print(f"  ratio of the medians   {statistics.median(busy) / statistics.median(idle):6.2f}")


if __name__ == "__main__":
    main()
