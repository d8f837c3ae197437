"""A system call filter for what Landlock does not see: sockets, modes, owners, other namespaces.

Landlock stops opening files, not connecting to a socket in the file tree (a user's D-Bus would
start any program outside) nor changing the mode of a file. Numbers are those of the kernel's
asm/unistd.h; the program is classic BPF as seccomp(2) describes it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_SET_MODE_FILTER = 1
# Without it kernels before 5.16 slow a filtered process down against speculative stores, which
# would change what is measured.
_SPEC_ALLOW = 1 << 2

_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_GREATER_EQUAL = 0x20, 0x05, 0x15, 0x35
_AND, _RETURN = 0x54, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS
_X32 = 0x40000000  # x86-64 answers a second set of numbers from here on

# Machine -> number of seccomp(2), AUDIT_ARCH value, refused numbers.
# On every machine: io_uring_setup, fchmodat2, setxattrat, removexattrat, file_setattr,
# mount_setattr, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick.
_EVERYWHERE = (425, 452, 463, 466, 469, 442, 428, 429, 430, 431, 432, 433)
_MACHINES: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "x86_64": (
        317,
        0xC000003E,
        (
            *(41, 42),  # socket connect
            *(90, 91, 268, 92, 93, 94, 260),  # chmod fchmod fchmodat chown fchown lchown fchownat
            *(188, 189, 190, 197, 198, 199),  # setxattr removexattr and their kin
            *(132, 235, 261, 280),  # utime utimes futimesat utimensat
            *(101, 310, 311),  # ptrace process_vm_readv process_vm_writev
            *(165, 166, 155, 161, 272, 308),  # mount umount2 pivot_root chroot unshare setns
            *(248, 249, 250, 321, 323, 304),  # add_key request_key keyctl bpf userfaultfd
            *(175, 313, 176, 246, 320),  # init_module finit_module delete_module kexec
        ),
    ),
    "aarch64": (
        277,
        0xC00000B7,
        (
            *(198, 203),  # socket connect
            *(52, 53, 54, 55),  # fchmod fchmodat fchownat fchown
            *(5, 6, 7, 14, 15, 16),  # setxattr removexattr and their kin
            88,  # utimensat
            *(117, 270, 271),  # ptrace process_vm_readv process_vm_writev
            *(40, 39, 41, 51, 97, 268),  # mount umount2 pivot_root chroot unshare setns
            *(217, 218, 219, 280, 282, 265),  # add_key request_key keyctl bpf userfaultfd
            *(105, 273, 106, 104, 294),  # init_module finit_module delete_module kexec
        ),
    ),
}


# Of a step, too: memory that is counted to nobody (memfd_create, memfd_secret, shmget, and mmap of
# what is shared and in no file) and rights in a new user namespace (clone; of clone3, whose
# arguments a filter does not see, libraries go back to clone).
_MEMFD_SECRET, _CLONE3 = 447, 435
_MEMORY_OF_NOBODY = {"x86_64": (319, _MEMFD_SECRET, 29), "aarch64": (279, _MEMFD_SECRET, 194)}
_MMAP, _CLONE = {"x86_64": 9, "aarch64": 222}, {"x86_64": 56, "aarch64": 220}
_SHARED_IN_NO_FILE, _NEW_USER_NAMESPACE = 0x01 | 0x20, 0x10000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def known(machine: str | None = None) -> bool:
    """Whether the numbers of this machine are known."""
    return (machine or os.uname().machine) in _MACHINES


def program(machine: str, *, step: bool = False) -> bytes:
    """The filter for a machine: refused calls fail with EPERM, all others pass.

    Args:
        machine: as the kernel calls it.
        step: whether it is for a step of the coordinator, which needs less.
    """
    _, architecture, refused = _MACHINES[machine]
    numbers = (*refused, *_EVERYWHERE, *(_MEMORY_OF_NOBODY[machine] if step else ()))
    code = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),  # the number
    ]
    checks = [(_JUMP_EQUAL, number) for number in numbers]
    if machine == "x86_64":
        checks.insert(0, (_JUMP_GREATER_EQUAL, _X32))
    for index, (jump, number) in enumerate(checks):
        code.append((jump, len(checks) - index, 0, number))  # to the refusal
    code += [(_JUMP, 0, 0, 1) if step else (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    if step:
        code += _refused_with(_MMAP[machine], 3, _SHARED_IN_NO_FILE)
        code += _refused_with(_CLONE[machine], 0, _NEW_USER_NAMESPACE)
        code += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _UNKNOWN), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def _refused_with(number: int, argument: int, bits: int) -> list[tuple[int, int, int, int]]:
    """Lines that refuse a call when all these bits are set in one of its arguments."""
    return [
        (_JUMP_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, 16 + 8 * argument),  # its lower half: both machines are little-endian
        (_AND, 0, 0, bits),
        (_JUMP_EQUAL, 0, 1, bits),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),
    ]


def restrict(*, step: bool = False) -> None:
    """Filters this process and its descendants for ever. ``no_new_privs`` must be set.

    Args:
        step: as for `program`.

    Raises:
        OSError: the kernel refused.
    """
    machine = os.uname().machine
    code = program(machine, step=step)
    attributes = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    number = _MACHINES[machine][0]
    if libc.syscall(number, _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(attributes)) != 0:
        failed = ctypes.get_errno()
        raise OSError(failed, f"seccomp: {os.strerror(failed)}")
