"""Fine-tunes bge-small on sentiment: reviews, talk, then several times MOSI, whose validation split picks the model.

    python -m valence_training.text.finetune

The way to MOSI is `text.start`. The MOSI stage learns from the labels and from teachers (`text.teachers`,
`text.distil`); some of the reviews and talk stays in it, so that they are not unlearnt. The members differ in the order
and the dropout of the MOSI stage; the average of their weights is a candidate beside them. MOSI's test split is never
read here.
"""

import argparse
import sys
from pathlib import Path

import torch

from valence_training.data import mosi
from valence_training.metrics import Metrics
from valence_training.text.samples import Corpora
from valence_training.text.start import before_mosi, evaluate, make, pretrained, talk
from valence_training.text.teachers import lessons
from valence_training.text.trainer import Config, State, Trainer, Weights
from valence_training.text.wordpiece import WordPiece


def average(members: list[Weights]) -> Weights:
    """Return the mean of models that were tuned from the same start (Wortsman et al. 2022, a uniform soup)."""
    return {name: torch.stack([weights[name] for weights in members]).mean(0) for name in members[0]}


def finetune(config: Config) -> Path:
    """Run, or finish, the run of a configuration and return the file with the chosen State."""
    directory = config.directory()
    if (directory / "chosen.pt").exists():
        return directory / "chosen.pt"
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    model = make(config)
    train, valid = mosi.segments("train"), mosi.segments("valid")

    def validate() -> Metrics:
        return evaluate(model, wordpiece, valid)

    trainer = Trainer(config, model, wordpiece)
    corpora = Corpora()
    start = before_mosi(trainer, corpora)
    members = []
    draw = lessons(trainer, start, corpora, train, valid, directory)
    first = config.seed + 1 + config.repeat * config.members
    for seed in range(first, first + config.members):
        model.load_tuned(start.weights)
        members.append(trainer.run(config.mosi, seed, draw, validate, directory / f"mosi-{seed}.pt"))

    mean = average([member.best for member in members])
    model.load_tuned(mean)
    result = validate()
    line = f"average of {len(members)} members: validation {result}"
    print(line, file=sys.stderr, flush=True)
    chosen = min([State(best=mean, best_mae=result.mae), *members], key=lambda state: state.best_mae)
    model.load_tuned(chosen.best)
    history = [line for state in (start, *members) for line in state.history]
    history += [line, f"chosen: MOSI validation MAE {chosen.best_mae:.3f}, EmoBank dev r {talk(model, wordpiece):.3f}"]
    print(history[-1], file=sys.stderr, flush=True)
    State(best=chosen.best, best_mae=chosen.best_mae, history=history).save(directory / "chosen.pt")
    return directory / "chosen.pt"


def main() -> None:
    """Fine-tune and say where the chosen weights are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(finetune(Config(seed=args.seed)))


if __name__ == "__main__":
    main()
