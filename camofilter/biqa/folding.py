"""What makes a trained network ready to judge."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def ready(model: Network) -> Network:
    """The same model, frozen, in eval mode, its batch norms folded into the convolutions."""
    model.eval()
    _fold_batch_norms(model)
    return model.requires_grad_(False)


def _fold_batch_norms(model: nn.Module) -> None:
    """Merges each batch norm into the convolution before it, exactly up to rounding, in place.

    Args:
        model: in eval mode; its modules declare a batch norm right after the convolution whose output it takes.
    """
    for module in list(model.modules()):
        for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())
