"""A worker that sends what no worker sends, to see what the kernel makes of it: what it sends is the target."""

import json
import socket
import sys
import time

control = socket.socket(fileno=int(sys.argv[1]))
stream = control.makefile("rb")
stream.readline()
control.sendall(b'{"is": "ready", "mode": "fork", "why": "", "open": []}\n')
for line in stream:
    message = json.loads(line)
    if message["do"] == "run":
        sent = eval(message["job"]["target"])
        control.sendall(sent.replace(b"ID", str(message["id"]).encode()))
        if not sent.endswith(b"\n"):
            time.sleep(60)
