"""While a cell of ours waits, the kernel still answers the front end; cells stay in their order."""

import time

import pytest

from ...kernels import begin

pytestmark = pytest.mark.slow

LONG = "--metric loss --budget 0.1s -n 500 --repeats 2 --name long"


def ask(kernel, kind, content):
    """Send a message to the kernel's main shell; returns its id."""
    message = kernel.client.session.msg(kind, content)
    kernel.client.shell_channel.send(message)
    return message["header"]["msg_id"]


def reply_to(kernel, wanted, seconds):
    """Return the reply to a request."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        message = kernel.client.get_shell_msg(timeout=left)
        if message["parent_header"].get("msg_id") == wanted:
            return message
    raise AssertionError(f"no reply within {seconds} s")


def published(kernel, fits, seconds):
    """Return the first published message that fits."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        message = kernel.client.get_iopub_msg(timeout=left)
        if fits(message):
            return message
    raise AssertionError(f"nothing of the kind within {seconds} s")


def tell(kernel, comm, content):
    """Send a message to a widget of ours; returns its id."""
    return ask(kernel, "comm_msg", {"comm_id": comm, "data": {"method": "custom", "content": content}})


def content_of(message):
    """Return what a widget of ours says in a message; empty for all others."""
    return message["content"]["data"].get("content", {}) if message["msg_type"] == "comm_msg" else {}


def begin_waiting(kernel):
    """Start a study and wait for it; returns the waiting cell's id, and the panel's."""
    begin(kernel, LONG)
    waiting = kernel.send("import matplotlib.pyplot as plt; fig = plt.figure()\n%autoresearch wait\nprint('over')")
    published(kernel, lambda m: m["msg_type"] == "display_data" and m["parent_header"]["msg_id"] == waiting, 20)
    infos = reply_to(kernel, ask(kernel, "comm_info_request", {"target_name": "jupyter.widget"}), 2)
    return waiting, infos["content"]["comms"]


def test_requests_and_comms_are_answered_while_a_cell_waits_and_cells_run_after_it_in_order(kernel):
    waiting, comms = begin_waiting(kernel)
    assert comms
    assert reply_to(kernel, ask(kernel, "kernel_info_request", {}), 2)["content"]["status"] == "ok"
    completed = reply_to(kernel, ask(kernel, "complete_request", {"code": "wai", "cursor_pos": 3}), 10)
    assert completed["content"]["status"] == "ok"

    later = [kernel.send(f"order = {'[]' if n == 0 else 'order'} + [{n}]") for n in range(3)]
    later.append(kernel.send("print(order)"))
    asked = [tell(kernel, comm, {"type": "pull"}) for comm in comms]
    answer = published(kernel, lambda m: content_of(m).get("type") == "delta" and content_of(m)["asked"], 2)
    assert answer["parent_header"]["msg_id"] in asked
    busy = published(kernel, lambda m: m["msg_type"] == "status" and m["parent_header"]["msg_id"] == waiting, 2)
    assert busy["content"]["execution_state"] == "busy", "the cell runs on"
    assert reply_to(kernel, ask(kernel, "comm_info_request", {}), 2)["content"]["comms"]

    for comm in comms:
        tell(kernel, comm, {"type": "command", "name": "stop"})
    replies = [reply_to(kernel, each, 20) for each in (waiting, *later)]
    assert [reply["content"]["status"] for reply in replies] == ["ok"] * 5
    counts = [reply["content"]["execution_count"] for reply in replies]
    assert counts == sorted(counts)
    said = published(kernel, lambda m: m["msg_type"] == "stream" and m["content"]["text"].startswith("over"), 2)
    shown = published(kernel, lambda m: "Figure" in m["content"].get("data", {}).get("text/plain", ""), 2)
    parents = {message["parent_header"]["msg_id"] for message in (said, shown)}
    assert parents == {waiting}, "what the cell prints and its figures are still its own"
    assert kernel.run("print(order)").stdout == "[0, 1, 2]\n"


def test_an_interrupt_ends_the_wait_and_cells_behind_it_are_aborted_as_after_any_error(kernel):
    waiting, comms = begin_waiting(kernel)
    later = kernel.send("after = 1")
    tell(kernel, next(iter(comms)), {"type": "pull"})
    assert reply_to(kernel, ask(kernel, "kernel_info_request", {}), 2)
    kernel.manager.interrupt_kernel()
    ended = reply_to(kernel, waiting, 20)["content"]
    assert "keeps running" in ended["evalue"]
    assert reply_to(kernel, later, 20)["content"]["status"] == "aborted"
    assert kernel.run("%autoresearch stop").status == "ok"
    assert "NameError" in kernel.run("after").error
