"""Instruction set flags: from the kernel's CPUID decoding on x86, from HWCAP on ARM.

On ARM the auxiliary vector is the truth: under user-mode emulation cpuinfo may show the host.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

AT_HWCAP = 16
AT_HWCAP2 = 26

# Bit n is the n-th name: arch/arm64/include/uapi/asm/hwcap.h (Linux 6.x), names as in cpuinfo.
_HWCAP = """
fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc
dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg
"""
_HWCAP2 = """
dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm
svebf16 i8mm bf16 dgh rng bti mte ecv afp rpres mte3 sme smei16i64 smef64f64 smei8i32 smef16f32
smeb16f32 smef32f32 smefa64 wfxt ebf16 sveebf16 cssc rprfm sve2p1 sme2 sme2p1 smei16i32
smebi32i32 smeb16b16 smef16f16 mops hbc
"""

# (implementer, part) of MIDR_EL1, from the cores' technical reference manuals.
_ARM_CORES: Mapping[tuple[int, int], str] = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD44): "Cortex-X1",
    (0x41, 0xD46): "Cortex-A510",
    (0x41, 0xD47): "Cortex-A710",
    (0x41, 0xD48): "Cortex-X2",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4D): "Cortex-A715",
    (0x41, 0xD4E): "Cortex-X3",
    (0x41, 0xD4F): "Neoverse-V2",
}


def auxiliary(kind: int) -> int:
    """One word of this process's auxiliary vector, 0 when absent; see getauxval(3)."""
    getauxval = ctypes.CDLL(None).getauxval
    getauxval.restype = ctypes.c_ulong
    getauxval.argtypes = (ctypes.c_ulong,)
    return int(getauxval(kind))


def arm_flags(hwcap: int, hwcap2: int) -> tuple[str, ...]:
    """Names of the bits set in the two words, sorted; bits not known here are left out."""
    found = {name for bit, name in enumerate(_HWCAP.split()) if hwcap >> bit & 1}
    found |= {name for bit, name in enumerate(_HWCAP2.split()) if hwcap2 >> bit & 1}
    return tuple(sorted(found))


def cpuinfo_fields(text: str) -> dict[str, str]:
    """The fields of the first processor in a cpuinfo file."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields


def x86_flags(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The kernel's decoding of CPUID, sorted."""
    return tuple(sorted(set(fields.get("flags", "").split())))


def arm_core(implementer: int, part: int) -> str:
    """The name of a core by the two fields of its identification register."""
    return _ARM_CORES.get((implementer, part), f"ARM {implementer:#04x}/{part:#05x}")


def arm_cores(text: str) -> str:
    """The kinds of cores that an ARM cpuinfo lists, as ``4x Cortex-A76``; empty when unknown."""
    counts: dict[str, int] = {}
    implementer = 0
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "CPU implementer":
            implementer = int(value, 16)
        elif name.strip() == "CPU part":
            core = arm_core(implementer, int(value, 16))
            counts[core] = counts.get(core, 0) + 1
    return " + ".join(f"{count}x {core}" for core, count in counts.items())
