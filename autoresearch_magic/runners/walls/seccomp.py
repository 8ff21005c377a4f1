"""The layer seccomp: system calls that no experiment needs, and that reach out of what confines it.

A refused call returns EPERM, as one for which rights are missing does. Arguments are read where they are numbers: the address family of
a socket, the flags of clone, the request of an ioctl. What a pointer leads to cannot be read, so clone3 is said not to exist (the C
library then uses clone), and the machine's loopback cannot be told from the rest of the network.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct

from . import system

_ALWAYS = {
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise",
    # keys of the kernel
    "add_key", "request_key", "keyctl",
    # large parts of the kernel that are attacked, and that experiments do without
    "bpf", "userfaultfd", "perf_event_open", "io_uring_setup", "io_uring_enter", "io_uring_register",
    # mounts and namespaces
    "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "mount_setattr",
    "open_by_handle_at", "fanotify_init",
    # the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "quotactl", "quotactl_fd", "swapon", "swapoff", "reboot", "syslog", "acct",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "vhangup", "personality", "iopl", "ioperm", "nfsservctl",
}  # fmt: skip
_X86 = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "add_key": 248, "request_key": 249, "keyctl": 250,
    "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308,
    "unshare": 272, "open_by_handle_at": 304, "fanotify_init": 300, "kexec_load": 246, "kexec_file_load": 320, "init_module": 175,
    "finit_module": 313, "delete_module": 176, "quotactl": 179, "swapon": 167, "swapoff": 168, "reboot": 169, "syslog": 103, "acct": 163,
    "sethostname": 170, "setdomainname": 171, "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159,
    "vhangup": 153, "personality": 135, "iopl": 172, "ioperm": 173, "nfsservctl": 180, "socket": 41, "clone": 56, "ioctl": 16,
}  # fmt: skip
_ARM = {
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "add_key": 217, "request_key": 218, "keyctl": 219,
    "bpf": 280, "userfaultfd": 282, "perf_event_open": 241, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "setns": 268,
    "unshare": 97, "open_by_handle_at": 265, "fanotify_init": 262, "kexec_load": 104, "kexec_file_load": 294, "init_module": 105,
    "finit_module": 273, "delete_module": 106, "quotactl": 60, "swapon": 224, "swapoff": 225, "reboot": 142, "syslog": 116, "acct": 89,
    "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266, "adjtimex": 171,
    "vhangup": 58, "personality": 92, "nfsservctl": 42, "socket": 198, "clone": 220, "ioctl": 29,
}  # fmt: skip
_BOTH = {
    "pidfd_getfd": 438, "process_madvise": 440, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "quotactl_fd": 443,
    "clone3": 435,
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000003E, _X86), "aarch64": (0xC00000B7, _ARM)}
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW*; that of time (0x80) is a signal in clone
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

_ALLOW, _REFUSE, _ABSENT = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_MODE_FILTER, _FLAG_TSYNC, _FLAG_SPEC_ALLOW = 1, 1, 4


def families(*, inet: bool) -> list[int]:
    """Return the address families of sockets that are allowed: those of other processes, and of a network where there is one."""
    return [socket.AF_UNIX, *([socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_NETLINK", 16)] if inet else [])]


def program(*, inet: bool, machine: str = system.MACHINE) -> bytes:
    """Return the filter as BPF instructions.

    Parameters
    ----------
    inet : bool
        Whether sockets of a network may be made: a private one, or all where the user allows it.
    machine : {"x86_64", "aarch64"}
    """
    audit, numbers = _MACHINES[machine]
    numbers = {**numbers, **_BOTH}
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _REFUSE)]
    allowed = families(inet=inet)
    of_socket = [(_LOAD, 0, 0, _ARGUMENTS)]
    of_socket += [(_EQUAL, len(allowed) - n, 0, family) for n, family in enumerate(allowed)]
    of_socket += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    of_clone = [
        (_LOAD, 0, 0, _ARGUMENTS), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)
    ]  # fmt: skip
    of_ioctl = [
        (_LOAD, 0, 0, _ARGUMENTS + 8), (_EQUAL, 1, 0, _TIOCSTI), (_EQUAL, 0, 1, _TIOCLINUX), (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    for name, block in (("socket", of_socket), ("clone", of_clone), ("ioctl", of_ioctl)):
        code += [(_EQUAL, 0, len(block), numbers[name]), *block]
    code += [(_EQUAL, 0, 1, numbers["clone3"]), (_RETURN, 0, 0, _ABSENT)]
    refused = sorted(numbers[name] for name in _ALWAYS if name in numbers)
    code += [(_EQUAL, len(refused) - n, 0, number) for n, number in enumerate(refused)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def enforce(code: bytes) -> None:
    """Confine all threads of this process to a filter, for ever.

    Raises
    ------
    OSError
    """
    system.no_new_privileges()
    instructions = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(instructions))
    system.call(system.SECCOMP, _MODE_FILTER, _FLAG_TSYNC | _FLAG_SPEC_ALLOW, head)
