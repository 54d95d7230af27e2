"""Prediction distillation: the student, who sees less, learns what the teacher makes of the complete window.

ALBEF (Li et al. 2021, equation 7) distils the teacher's prediction beside the label. Here polarity filters it: a
teacher whose polarity is wrong is not listened to.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from valence_training.fusion.loss import POLARITY, polarities
from valence_training.fusion.model import Outputs


def distil(
    student: Outputs, teacher: Outputs, target: Tensor, *, only_right: bool = True, polarity: bool = True
) -> Tensor:
    """L_md without its alpha: the mean of SmoothL1(score, teacher score) + 0.2 KL(teacher || student) of polarity.

    Rows where the argmax of the teacher's polarity is not the target's count 0, unless `only_right` is off; without
    `polarity` the KL is left out. `target` [B] is the score that the student is asked for.
    """
    each = functional.smooth_l1_loss(student.score, teacher.score.detach(), reduction="none")
    logits = teacher.polarity_logits.detach()
    if polarity:
        said = torch.log_softmax(student.polarity_logits, dim=1)
        wanted = torch.log_softmax(logits, dim=1)
        each = each + POLARITY * functional.kl_div(said, wanted, reduction="none", log_target=True).sum(dim=1)
    if only_right:
        each = each * (logits.argmax(dim=1) == polarities(target))
    return each.mean()
