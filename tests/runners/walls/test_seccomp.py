"""The filter, interpreted here for both architectures, and enforced in a child process."""

import errno
import os
import socket
import struct

import pytest

from autoresearch_magic.runners.walls import probe, seccomp

ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
NUMBERS = {"x86_64": seccomp._X86, "aarch64": seccomp._ARM}
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def decide(code, number, arguments=(), audit=AUDIT["x86_64"]):
    """Run the program as the kernel does."""
    data = struct.pack("=iIQ6Q", number, audit, 0, *[*arguments, 0, 0, 0, 0, 0, 0][:6])
    program = list(struct.iter_unpack("HBBI", code))
    value, at = 0, 0
    while True:
        op, yes, no, k = program[at]
        at += 1
        if op == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        elif op == 0x06:
            return k
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[op]
            at += yes if holds else no


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_reaches_out_is_refused_and_the_rest_allowed(machine):
    code, audit = seccomp.program(inet=False, machine=machine), AUDIT[machine]
    numbers = {**NUMBERS[machine], **seccomp._BOTH}
    for name in seccomp._ALWAYS & set(numbers):
        assert decide(code, numbers[name], audit=audit) == EPERM, name
    for number in (0, 1, 3, 257 if machine == "x86_64" else 57, 400):
        assert decide(code, number, audit=audit) == ALLOW, number
    assert decide(code, numbers["clone3"], audit=audit) == ENOSYS
    for flags, decision in (
        (0x11, ALLOW),
        (0x3D0F00, ALLOW),
        (0x20000, EPERM),
        (0x10000011, EPERM),
        (0x40000000, EPERM),
    ):
        assert decide(code, numbers["clone"], [flags], audit) == decision, hex(flags)
    for request, decision in ((0x5401, ALLOW), (0x5412, EPERM), (0x100005412, EPERM), (0x541C, EPERM)):
        assert decide(code, numbers["ioctl"], [1, request], audit) == decision, hex(request)


@pytest.mark.parametrize("inet", [True, False])
def test_sockets_of_a_network_are_made_only_where_there_is_one(inet):
    code = seccomp.program(inet=inet, machine="x86_64")
    wanted = {socket.AF_UNIX, *([socket.AF_INET, socket.AF_INET6, 16] if inet else [])}
    assert {family for family in range(64) if decide(code, 41, [family]) == ALLOW} == wanted


def test_calls_of_other_architectures_are_refused():
    code = seccomp.program(inet=True, machine="x86_64")
    assert decide(code, 1, audit=0x40000003) == EPERM, "32 bits"
    assert decide(code, 0x40000001) == EPERM, "x32"


@pytest.mark.skipif(bool(probe()["seccomp"]), reason=f"seccomp: {probe()['seccomp']}")
def test_the_kernel_takes_the_filter_and_threads_and_programs_go_on():
    read, write = os.pipe()
    if not (pid := os.fork()):
        seccomp.enforce(seccomp.program(inet=False))
        said = []
        for family in (socket.AF_INET, socket.AF_UNIX):
            try:
                socket.socket(family).close()
                said.append("made")
            except PermissionError:
                said.append("refused")
        said.append(str(os.waitstatus_to_exitcode(os.system("true"))))
        os.write(write, " ".join(said).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    assert os.read(read, 100) == b"refused made 0"
    os.close(read)
