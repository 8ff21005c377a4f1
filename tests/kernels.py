"""A real IPython kernel, and the cells that start a study in it."""

import os
import queue
import time
from dataclasses import dataclass, field

TARGET = """X = 3.0
from autoresearch_magic import clock, report
import time
for step in clock:
    time.sleep(0.005)
    report(step=step, loss=abs(X))
loss = (X - 1) ** 2
"""


@dataclass
class Answer:
    """What one cell has answered."""

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    traceback: str = ""
    displays: list = field(default_factory=list)
    updates: list = field(default_factory=list)
    next_input: str = ""
    seconds: float = 0.0

    @property
    def text(self):
        return self.stdout + self.stderr + self.error

    @property
    def said(self):
        """What a reply says in plain text, printed or displayed."""
        return self.stdout + "".join(data.get("text/plain", "") for data in self.displays)


class Kernel:
    """A live IPython kernel in a folder of its own."""

    def __init__(self, folder, env=None):
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env={**os.environ, **(env or {})})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def run(self, code, timeout=60):
        """Run a cell to its end and gather what it says."""
        return self.gather(self.send(code), timeout)

    def send(self, code):
        """Send a cell; `gather` waits for it."""
        return self.client.execute(code)

    def gather(self, wanted, timeout=60):
        """Wait for the end of a cell and return what it says."""
        began = time.monotonic()
        answer = Answer()
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"no end: {answer}") from None
            if message["parent_header"].get("msg_id") != wanted:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(answer, content["name"], getattr(answer, content["name"]) + content["text"])
            elif kind == "display_data":
                answer.displays.append(content["data"])
            elif kind == "update_display_data":
                answer.updates.append(content["data"])
            elif kind == "execute_result":
                answer.stdout += content["data"]["text/plain"]
            elif kind == "error":
                answer.error, answer.traceback = (
                    f"{content['ename']}: {content['evalue']}",
                    "\n".join(content["traceback"]),
                )
            elif kind == "status" and content["execution_state"] == "idle":
                break
        answer.seconds = time.monotonic() - began
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == wanted:
                break
        answer.status = reply["content"]["status"]
        for payload in reply["content"].get("payload", []):
            if payload["source"] == "set_next_input":
                answer.next_input = payload["text"]
        return answer

    def complete(self, code):
        """Ask for completions at the end of `code`."""
        wanted = self.client.complete(code, len(code))
        while True:
            reply = self.client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == wanted:
                return reply["content"]["matches"]

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def begin(kernel, options="--metric loss --budget 0.1s -n 6 --repeats 2", target=TARGET, program="Lower the loss"):
    """Define a target and start a study."""
    assert kernel.run(f"%%autoresearch target\n{target}").status == "ok"
    return kernel.run(f"%%autoresearch {options}\n{program}")
