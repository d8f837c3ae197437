"""Ids that both ends compute for themselves."""

from __future__ import annotations

import uuid


def run_id(job_id: str, epoch: int, entry_index: int) -> str:
    """The id of one entry measured under one lease.

    By index and not by digest, because an A/A job submits one digest twice.

    Args:
        job_id: UUID of the job.
        epoch: fencing epoch of the lease, from 1.
        entry_index: position of the entry in its job.

    Raises:
        ValueError: `job_id` is not a UUID.
    """
    return str(uuid.uuid5(uuid.UUID(job_id), f"{epoch}/{entry_index}"))
