"""The decoder learns the training pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from .network import Decoder, fresh
from .size import Size
from .text import BOS, EOS, Ints

SEED = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it learns, and how fast: a linear warm-up, then a straight line down to nothing."""

    steps: int = 800
    batch: int = 4
    warm_up_steps: int = 40
    peak_learning_rate: float = 3e-3
    weight_decay: float = 0.1
    largest_gradient: float = 1.0

    def rate(self, step: int) -> float:
        """Share of the peak at a step counted from 0."""
        return min((step + 1) / self.warm_up_steps, (self.steps - step) / self.steps)


def learned(size: Size, plan: Plan, documents: Iterable[Ints], report_every: int = 25) -> Decoder:
    """A network that has learned the documents, with one thread and AdamW.

    Each sequence is the token that begins a text and what follows a drawn place, to the limit of
    the context. Products are made in bfloat16, weights and their moments are float32.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = fresh(size, SEED)
    text = torch.from_numpy(np.concatenate([[*ids, EOS] for ids in documents]))
    places = np.random.default_rng(SEED).integers(
        0, len(text) - size.context, (plan.steps, plan.batch)
    )
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    gains = [weight for weight in network.parameters() if weight.dim() == 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": plan.weight_decay},
            {"params": gains, "weight_decay": 0.0},
        ],
        lr=plan.peak_learning_rate,
        betas=(0.9, 0.95),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, plan.rate)
    said = 0.0
    for step, starts in enumerate(places):
        follow = torch.stack([text[start : start + size.context] for start in starts])
        begin = torch.full((plan.batch, 1), BOS)
        shown = torch.cat((begin, follow[:, :-1]), dim=1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(shown)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), follow.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), plan.largest_gradient)
        optimizer.step()
        schedule.step()
        said += float(loss.detach())
        if (step + 1) % report_every == 0:
            print(f"step {step + 1}: {said / report_every:.3f} nats a byte", flush=True)
            said = 0.0
    network.eval()
    return network
