"""A new encoder, used like any other: each word sees itself, its head and the head of its head.

python examples/new_encoder.py
structnn compare --plugin examples/new_encoder.py --encoders ancestors,gat --data structure-test ...

A part of a chain has a name like any other: "bilstm>ancestors" reads the states of a BiLSTM.
"""

import torch
from torch import Tensor, nn

from structnn import Batch, Encoder, register_encoder
from structnn.options import Size


class Ancestors(Encoder):
    r"""A layer over a word and its ancestors.

    .. math:: h_t = \mathrm{ReLU}(W [x_t; x_{p(t)}; x_{p(p(t))}; \dots] + b)

    where *p(t)* is the head of word *t*, and zeros stand above the root.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        generations: How many ancestors are read.
        readout: By default the maximum over nodes.
    """

    reads = frozenset({"tree"})

    def __init__(
        self, input_dim: int, hidden_dim: int, *, generations: Size = 2, readout: str = "max"
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.generations = generations
        self.layer = nn.Linear((generations + 1) * input_dim, hidden_dim)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state of each node, ``(nodes, hidden_dim)``."""
        nodes = batch.to_nodes(x)
        seen = [nodes]
        for _ in range(self.generations):
            above = seen[-1][batch.parents] * (batch.parents >= 0).unsqueeze(1)
            seen.append(above)
        return self.layer(torch.cat(seen, dim=1)).relu()


register_encoder("ancestors", Ancestors)


def main(train: int = 520, epochs: int = 10) -> float:
    """Train it on gold trees: is a string of brackets well formed?"""
    from tasks import StructuredClassifier
    from tasks.data.suites.dyck import generate

    data = generate(train=train, dev=40, test=240)

    def columns(examples):
        return [example.sentence for example in examples], [example.label for example in examples]

    options = {"hidden_dim": 32, "embedding_dim": 32, "batch_size": 32, "learning_rate": 3e-3}
    model = StructuredClassifier("ancestors", structure="given", epochs=epochs, **options)
    score = model.fit(*columns(data.train), dev=columns(data.dev)).score(*columns(data.test))
    print(f"{100 * score:.1f} % of {len(data.test)} test strings are right; chance is 50 %")
    return score


if __name__ == "__main__":
    main()
