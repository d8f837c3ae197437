"""NVIDIA's management library, asked about one GPU: the only place that knows `pynvml`.

Source: NVML's reference, and the bindings of nvidia-ml-py, whose module is called `pynvml`. What a
card does not tell is None; a card that is gone, and a driver that is not the one of before, are
errors with codes of their own.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from .files import text

LIBRARY = "libnvidia-ml.so.1"
EXTRA = "pip install 'bitgauge[nvidia]'"

_UNTOLD = frozenset(
    (
        *("not_supported", "no_permission", "not_found"),
        *("function_not_found", "invalid_argument", "no_data"),
        *("argument_version_mismatch", "deprecated", "timeout"),
        *("corrupted_inforom", "vgpu_ecc_not_supported"),
    )
)
_DRIVER = frozenset(
    (
        *("driver_not_loaded", "lib_rm_version_mismatch"),
        *("library_not_found", "uninitialized"),
    )
)
_SAID_OF_DRIVER = {
    "library_not_found": f"its library {LIBRARY} is not here",
    "lib_rm_version_mismatch": "its library and its kernel module differ in version",
    "driver_not_loaded": "its kernel module is not loaded, or its nodes in /dev are not here",
    "function_not_found": "it is older than what nvidia-ml-py asks of it",
    "no_permission": "this user may not open its nodes in /dev",
}


_SAID_OF_CHANGE = {
    "no_permission": "this user may not; root may",
    "not_supported": "the card does not let them be set",
    "invalid_argument": "the card has no such clock",
}


def is_there() -> bool:
    """Whether the driver's library and its bindings are here; neither is imported or started."""
    return has_bindings() and has_library()


def has_bindings() -> bool:
    """Whether nvidia-ml-py is installed."""
    return importlib.util.find_spec("pynvml") is not None


def has_library() -> bool:
    """Whether the driver's library can be loaded."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


MODULE, NODE = "proc/driver/nvidia/version", "dev/nvidiactl"
"""What the kernel tells of the driver, and the node by which it is used, below the root."""


def require_given(root: Path) -> None:
    """Where the kernel has the driver, this process has it, too.

    Raises:
        BitgaugeError: `device_hidden`, as in a container that was given no GPU.
    """
    if not (root / MODULE).exists():
        return
    lacking = None
    if not has_library():
        lacking = f"its library {LIBRARY} is not here"
    elif not (root / NODE).exists():
        lacking = f"its node /{NODE} is not here"
    if lacking:
        sentence = f"NVIDIA's kernel module is loaded, and {lacking}."
        raise BitgaugeError(Code.DEVICE_HIDDEN, sentence)


class NvmlForbidden(BitgaugeError):
    """This user may not ask the driver."""


class Nvml:
    """The library while it is in use.

    Raises:
        BitgaugeError: `driver_missing`, the driver cannot be used; the sentence says why.
    """

    def __init__(self, library: Any = None) -> None:
        self._names: dict[int | None, str] = {}
        try:
            self._pynvml = library or importlib.import_module("pynvml")
            self._pynvml.nvmlInit()
        except ModuleNotFoundError as error:
            raise BitgaugeError(Code.DRIVER_MISSING, "The module pynvml is not here.") from error
        except Exception as error:  # the classes of its errors are made when it is imported
            name = self._name(error)
            why = _SAID_OF_DRIVER.get(name) or f"it says: {error}"
            kind = NvmlForbidden if name == "no_permission" else BitgaugeError
            raise kind(Code.DRIVER_MISSING, f"NVIDIA's driver cannot be used: {why}.") from error

    def __enter__(self) -> Nvml:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends its use."""
        with contextlib.suppress(Exception):  # a lost card has nothing to give back
            self._pynvml.nvmlShutdown()

    def value(self, name: str) -> Any:
        """A constant of the bindings."""
        return getattr(self._pynvml, name)

    def ask(self, name: str, *given: Any, of: str = "The GPU") -> Any:
        """What a function answers; None where the card or its driver does not tell.

        Raises:
            BitgaugeError: `device_lost`, `driver_changed`.
        """
        function = getattr(self._pynvml, name, None)
        if function is None:
            return None  # bindings that are older than the function
        try:
            return function(*given)
        except Exception as error:  # as above
            kind = self._name(error)
            if kind in _UNTOLD:
                return None
            code = Code.DRIVER_CHANGED if kind in _DRIVER else Code.DEVICE_LOST
            why = _SAID_OF_DRIVER.get(kind, str(error))
            raise BitgaugeError(code, f"{of} does not answer any more: {why}.") from error

    def change(self, name: str, *given: Any) -> str:
        """Has a function change something; "" when it did, else why it did not, in words."""
        function = getattr(self._pynvml, name, None)
        if function is None:
            return "the installed nvidia-ml-py cannot"
        try:
            function(*given)
        except Exception as error:  # as above
            return _SAID_OF_CHANGE.get(self._name(error), f"the driver says: {error}")
        return ""

    def gpus(self) -> Iterator[Gpu]:
        """Every GPU that can compute: a card, or each MIG instance of one that is divided."""
        for card, divided in self._cards():
            for handle in self._parts(card) if divided else (card,):
                yield Gpu(self, handle, card)

    def divided_in_vain(self) -> Iterator[str]:
        """The UUIDs of cards on which MIG is on without an instance: nothing can compute there."""
        for card, divided in self._cards():
            if divided and not any(True for _ in self._parts(card)):
                yield Gpu(self, card, card).uuid

    def _cards(self) -> Iterator[tuple[Any, bool]]:
        """Every card, and whether it is divided."""
        for index in range(self.ask("nvmlDeviceGetCount") or 0):
            card = self.ask("nvmlDeviceGetHandleByIndex", index)
            if card is not None:  # else another's, as a container or a permission has it
                yield card, is_divided(self.ask("nvmlDeviceGetMigMode", card))

    def _parts(self, card: Any) -> Iterator[Any]:
        for place in range(self.ask("nvmlDeviceGetMaxMigDeviceCount", card) or 0):
            part = self.ask("nvmlDeviceGetMigDeviceHandleByIndex", card, place)
            if part is not None:
                yield part

    def gpu(self, uuid: str) -> Gpu:
        """The GPU or MIG instance with this UUID.

        Raises:
            BitgaugeError: `device_lost`, there is none any more.
        """
        found = self.ask("nvmlDeviceGetHandleByUUID", uuid.encode(), of=f"GPU {uuid}")
        if found is None:
            raise BitgaugeError(Code.DEVICE_LOST, f"GPU {uuid} is not on this machine any more.")
        card = found
        if uuid.startswith("MIG-"):
            card = self.ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", found) or found
        return Gpu(self, found, card)

    def named(self, beginning: str, number: int | None) -> str:
        """What the bindings call a number, without the beginning; else ""."""
        names = (one for one in dir(self._pynvml) if one.startswith(beginning))
        found = (one for one in names if getattr(self._pynvml, one) == number)
        return next(found, "").removeprefix(beginning)

    def _name(self, error: Exception) -> str:
        """What the bindings call the number of an error, such as `gpu_is_lost`."""
        number = getattr(error, "value", None)
        if number not in self._names:  # a search of thousands of names
            self._names[number] = self.named("NVML_ERROR_", number).lower()
        return self._names[number]


class Gpu:
    """One GPU, or one instance of a divided one.

    Args:
        library: in use.
        handle: of what computes.
        card: handle of the card, which has the clocks, the sensors and the meters.
    """

    def __init__(self, library: Nvml, handle: Any, card: Any) -> None:
        self._library, self._handle, self._card = library, handle, card
        self.is_part = handle is not card
        self._words = "The GPU"

    def own(self, name: str, *given: Any) -> Any:
        """What a function answers of what computes; see `Nvml.ask`."""
        return self._library.ask(name, self._handle, *given, of=self._words)

    def card(self, name: str, *given: Any) -> Any:
        """What a function answers of the card; see `Nvml.ask`."""
        return self._library.ask(name, self._card, *given, of=self._words)

    def change(self, name: str, *given: Any) -> str:
        """Has a function change something of the card; see `Nvml.change`."""
        return self._library.change(name, self._card, *given)

    def value(self, name: str) -> Any:
        """A constant of the bindings."""
        return self._library.value(name)

    def named(self, beginning: str, number: int) -> str:
        """What the bindings call a number, without the beginning; else ""."""
        return self._library.named(beginning, number)

    def fields(self, wanted: Sequence[tuple[str, str]]) -> list[float | None]:
        """Field values of the card, each by the names of its number and its scope ("" for none)."""
        scopes = [self.value(scope) if scope else 0 for _, scope in wanted]
        asked = [(self.value(name), scope) for (name, _), scope in zip(wanted, scopes, strict=True)]
        found = self.card("nvmlDeviceGetFieldValues", asked)
        if found is None:
            return [None] * len(wanted)
        return [_number(one) for one in found]

    @property
    def uuid(self) -> str:
        """What names it for ever."""
        return str(self.own("nvmlDeviceGetUUID") or "")

    @property
    def name(self) -> str:
        """As its vendor writes it."""
        return str(self.own("nvmlDeviceGetName") or "")

    @property
    def pci_address(self) -> str:
        """Of the card, as the kernel writes it: ``0000:3b:00.0``; empty where it has none."""
        found = self.card("nvmlDeviceGetPciInfo")
        if found is None:
            return ""
        said = found.busId
        address = (said.decode() if isinstance(said, bytes) else str(said)).lower()
        domain, _, rest = address.partition(":")
        return f"{domain[-4:]}:{rest}" if rest else ""


def is_divided(mode: Sequence[int] | None) -> bool:
    """Whether MIG is on, of what NVML says of the present mode and the one to come."""
    return bool(mode and mode[0])


def is_on_bus(root: Path, address: str) -> bool:
    """Whether the kernel knows a card of NVIDIA at this PCI address."""
    return bool(address) and text(root / f"sys/bus/pci/devices/{address}/vendor") == "0x10de"


def _number(found: Any) -> float | None:
    """A field value by the type that it says it has; None where the card does not tell it."""
    members = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
    if found.nvmlReturn != 0 or found.valueType >= len(members):
        return None
    return float(getattr(found.value, members[found.valueType]))
