"""A sentiment score from an encoder: attention pooling over word pieces and a linear head."""

import torch
from torch import Tensor, nn

from valence_training.fusion.reading import Line
from valence_training.text.bert import WIDTH, Bert


class Head(nn.Module):
    """Attention pooling that starts as the mean, then one linear unit: hidden [B, L, D], pieces [B, L] -> [B]."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(width))
        self.score = nn.Linear(width, 1)

    def forward(self, hidden: Tensor, pieces: Tensor) -> Tensor:
        """Score hidden states; only positions where `pieces` is 1 are pooled."""
        logits = hidden @ self.query + (pieces - 1) * 1e4
        pooled = (logits.softmax(-1)[..., None] * hidden).sum(1)
        out: Tensor = self.score(pooled).squeeze(-1)
        return out

    def line(self) -> Line:
        """Return the linear unit, along which serving reads the mean of the words."""
        return Line(self.score.weight[0].detach(), self.score.bias[0].detach())


class Regressor(nn.Module):
    """Encoder and head: ids [B, L], mask [B, L] -> score [B] on the MOSI scale."""

    def __init__(self, bert: Bert, width: int = WIDTH) -> None:
        super().__init__()
        self.bert = bert
        self.head = Head(width)
        self._kept: dict[tuple[int, ...], Tensor] = {}

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Score a padded batch."""
        out: Tensor = self.head(self.bert(ids, mask), pieces(mask))
        return out

    def hold(self, layers: int) -> None:
        """Hold the lowest of the tuned layers still from now on."""
        if layers != self.bert.held:
            self._kept = {}
        self.bert.held = layers

    def read(self, batch: list[list[int]]) -> Tensor:
        """Score texts [B] given by their ids.

        While layers are held still, what they make of a text is kept and the text goes through them once only: alone,
        in full precision, so that it never depends on what else is in a batch.
        """
        out: Tensor
        if not self.bert.held:
            out = self(*pad(batch))
            return out
        for ids in batch:
            if tuple(ids) not in self._kept:
                with torch.autocast("cpu", enabled=False):
                    self._kept[tuple(ids)] = self.bert.lower(torch.tensor([ids]))[0]
        mask = pad(batch)[1]
        hidden = nn.utils.rnn.pad_sequence([self._kept[tuple(ids)] for ids in batch], batch_first=True)
        out = self.head(self.bert.upper(hidden, mask), pieces(mask))
        return out

    def tuned_state(self) -> dict[str, Tensor]:
        """Return copies of what fine-tuning changes; the rest is the pretrained file's."""
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        return {name: t.detach().clone() for name, t in self.state_dict().items() if name in trained}

    def load_tuned(self, state: dict[str, Tensor]) -> None:
        """Put back what tuned_state returned; raises KeyError for a state of another shape of encoder."""
        own = self.state_dict()
        below = {f"bert.tuned.{name}" for name in self.bert.tuned[: self.bert.held].state_dict()}
        for name in self.tuned_state():
            if name in below and not torch.equal(own[name], state[name]):
                self._kept = {}
            own[name].copy_(state[name])


def pieces(mask: Tensor) -> Tensor:
    """Return the mask [B, L] without the first and last valid position, [CLS] and [SEP].

    The fusion net is given word pieces alone, so nothing else may carry the sentiment.
    """
    out = mask.float().clone()
    out[:, 0] = 0
    out[torch.arange(len(mask)), mask.sum(1).long() - 1] = 0
    return out


def pad(batch: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and mask [B, L], int64, padded with 0 to the longest of the batch."""
    length = max(len(ids) for ids in batch)
    ids = torch.tensor([[*row, *[0] * (length - len(row))] for row in batch])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in batch])
    return ids, mask
