"""Another caller during an attack, in a process of its own: how long do its calls take?

``python -m tests.bad_days.attacks.bystander``, in the root folder, with a `Plan` as one line of
JSON on its input. Says ``ready`` after a first round, goes on until its input is closed, and prints
what each call took in seconds; one that failed took for ever.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from typing import Any, TypedDict

import grpc

GIVE_UP_S = 60.0


class Plan(TypedDict):
    """What is called, over and over: name of the call, its path, request as hex and token."""

    address: str
    pause_s: float
    calls: dict[str, tuple[str, str, str]]


def main() -> None:
    plan: Plan = json.loads(sys.stdin.readline())
    took: dict[str, list[float]] = {name: [] for name in plan["calls"]}
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    said = False
    with grpc.insecure_channel(plan["address"]) as channel:
        calls: dict[str, tuple[Any, bytes, str]] = {
            name: (channel.unary_unary(path), bytes.fromhex(request), token)
            for name, (path, request, token) in plan["calls"].items()
        }
        while not over.wait(plan["pause_s"]):
            for name, (call, request, token) in calls.items():
                metadata = (("authorization", f"Bearer {token}"),)
                began = time.monotonic()
                try:
                    call(request, metadata=metadata, timeout=GIVE_UP_S)
                except grpc.RpcError as error:
                    print(name, error.code(), error.details(), file=sys.stderr)
                    took[name].append(math.inf)
                else:
                    took[name].append(time.monotonic() - began)
            if not said:
                said = True
                print("ready", flush=True)
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
