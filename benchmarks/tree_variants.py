"""The other Tree-LSTMs: the N-ary one beside DGL's, and what a relation or a way down costs."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.tree_contenders import OfStructnn, Products, TreeContender
from benchmarks.tree_data import Indices, tree_of
from structnn import Sentence, Tree
from structnn.data.corpus import Corpus
from structnn.encoders.tree.nary import NaryTreeLSTM

__all__ = ["DglNary", "Nary", "NaryProducts", "Variant", "binary_trees", "multiplications"]


def binary_trees(count: int, seed: int = 0) -> list[Sentence]:
    """Sentences of 2 to 40 words, evenly, in binary trees whose spans are split at random places."""
    generator = random.Random(seed)
    sentences = []
    for _ in range(count):
        size = generator.randint(2, 40)
        parents: list[int] = []
        tokens: list[int] = []
        spans = [(0, size, -1)]
        while spans:
            first, last, parent = spans.pop()
            node = len(parents)
            parents.append(parent)
            tokens.append(first if last - first == 1 else -1)
            if last - first > 1:
                split = generator.randrange(first + 1, last)
                spans += [(split, last, node), (first, split, node)]  # the left one is next
        words = [f"w{position}" for position in range(size)]
        sentences.append(Sentence(words, constituency=Tree(parents, tokens)))
    return sentences


class Variant(OfStructnn):
    """An encoder whose states may be narrower than the gradients that a batch has for them."""

    def train(self, x: Tensor, grad: Tensor, data: Any) -> None:
        nodes, width = len(grad), self.encoder.output_dim
        super().train(x, grad.flatten()[: nodes * width].view(nodes, width), data)


class Nary(OfStructnn):
    """structnn's binary Tree-LSTM."""

    name = "structnn"

    def __init__(self, corpus: Corpus, encoder: NaryTreeLSTM) -> None:
        super().__init__(corpus, encoder, self.name)

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        results = super().results(x, grad, data)
        hidden = self.encoder.output_dim
        w = results.pop("gradient of words.weight")
        b = results.pop("gradient of words.bias")
        u = results.pop("gradient of cell.child_gates.weight")
        results["gradient of W_iou"] = w[: 3 * hidden]
        results["gradient of b_iou"], results["gradient of b_f"] = b.split([3 * hidden, hidden])
        results["gradient of U_iou"], results["gradient of U_f"] = u.split([3 * hidden, 2 * hidden])
        return results


class DglNary(TreeContender):
    """A binary Tree-LSTM on DGL's topological propagation, with the cell that DGL publishes.

    Its forget gates omit the node's own word, but in these trees a node with children has none.
    """

    name = "DGL"

    def __init__(self, corpus: Corpus, encoder: NaryTreeLSTM) -> None:
        import dgl

        self.dgl = dgl
        self.corpus = corpus
        hidden = encoder.output_dim
        words, children = encoder.words, encoder.cell.child_gates.weight.detach()
        self.w_iou = words.weight.detach()[: 3 * hidden].clone().requires_grad_()
        self.b_iou = words.bias.detach()[: 3 * hidden].clone().requires_grad_()
        self.u_iou = children[: 3 * hidden].clone().requires_grad_()
        self.u_f = children[3 * hidden :].clone().requires_grad_()
        self.b_f = words.bias.detach()[3 * hidden :].repeat(2).requires_grad_()
        self.graphs = []
        for sentence in corpus.sentences:
            tree = tree_of(sentence)
            children_of = [node for node, parent in enumerate(tree.parents) if parent >= 0]
            parents = [parent for parent in tree.parents if parent >= 0]
            graph = dgl.graph((children_of, parents), num_nodes=len(tree))
            graph.ndata["has word"] = torch.tensor([token >= 0 for token in tree.tokens or ()])
            self.graphs.append(graph)

    def collate(self, chosen: Indices) -> Any:
        graph = self.dgl.batch([self.graphs[index] for index in chosen.tolist()])
        has_word = graph.ndata["has word"]
        # Words are numbered in the order of nodes here; a node without one reads word 0, masked.
        graph.ndata["word"] = (has_word.cumsum(0) - 1) * has_word
        graph.ndata["mask"] = has_word.float()[:, None]
        return graph

    def forward(self, x: Tensor, data: Any) -> Tensor:
        with data.local_scope():
            mask = data.ndata["mask"]
            words = x.index_select(0, data.ndata["word"])
            hidden = len(self.w_iou) // 3
            data.ndata["iou"] = F.linear(words, self.w_iou) * mask
            data.ndata["h"] = x.new_zeros(len(mask), hidden)
            data.ndata["c"] = x.new_zeros(len(mask), hidden)
            self.dgl.prop_nodes_topo(data, self._send, self._reduce, apply_node_func=self._apply)
            states: Tensor = data.ndata["h"]
            return states

    def _send(self, edges: Any) -> dict[str, Tensor]:
        return {"h": edges.src["h"], "c": edges.src["c"]}

    def _reduce(self, nodes: Any) -> dict[str, Tensor]:
        h, c = nodes.mailbox["h"], nodes.mailbox["c"]  # (nodes, 2, hidden)
        side_by_side = h.flatten(1)
        forget = F.linear(side_by_side, self.u_f, self.b_f).sigmoid().view_as(h)
        return {"iou": F.linear(side_by_side, self.u_iou), "c": (forget * c).sum(1)}

    def _apply(self, nodes: Any) -> dict[str, Tensor]:
        i, o, u = (nodes.data["iou"] + self.b_iou).chunk(3, dim=1)
        c = i.sigmoid() * u.tanh() + nodes.data["c"]
        return {"h": o.sigmoid() * c.tanh(), "c": c}

    def parameters(self) -> dict[str, Tensor]:
        return {
            "W_iou": self.w_iou,
            "b_iou": self.b_iou,
            "U_iou": self.u_iou,
            "U_f": self.u_f,
            "b_f": self.b_f,
        }

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        results = super().results(x, grad, data)
        # One bias for each child here, which start as the same: together they do what structnn's does.
        results["gradient of b_f"] = sum(results["gradient of b_f"].chunk(2), torch.zeros(()))
        return results


class NaryProducts(Products):
    """The products that a binary Tree-LSTM can't do without, where words are at leaves alone."""

    def __init__(self, corpus: Corpus, encoder: NaryTreeLSTM) -> None:
        self.corpus = corpus
        hidden = encoder.output_dim
        self.w_iou = encoder.words.weight.detach()[: 3 * hidden].clone()
        self.u = encoder.cell.child_gates.weight.detach().clone()
        trees = [tree_of(sentence) for sentence in corpus.sentences]
        self.inner = np.array([sum(map(bool, tree.children)) for tree in trees])
        self.buffers = {}

    def collate(self, chosen: Indices) -> tuple[int, int]:
        return int(self.inner[chosen].sum()), 0

    def forward(self, x: Tensor, data: tuple[int, int]) -> Tensor:
        states = self.buffer("states", data[0], self.u.shape[1])  # of children, side by side
        self.product("gates of leaves", x, self.w_iou.t())
        return self.product("gates", states, self.u.t())

    def train(self, x: Tensor, grad: Tensor, data: tuple[int, int]) -> None:
        gates = self.forward(x, data)  # here and below gates stand for their gradients
        states = self.buffer("states", data[0], self.u.shape[1])
        of_leaves = self.buffer("gates of leaves", len(x), len(self.w_iou))
        self.product("d x", of_leaves, self.w_iou)
        self.product("d states", gates, self.u)
        self.product("d W", of_leaves.t(), x)
        self.product("d U", gates.t(), states)


def multiplications(name: str, corpus: Corpus, input_dim: int, hidden: int) -> float:
    """Multiplications for each node in the matrix products that an encoder can't do without.

    Leaf-aware, as :class:`benchmarks.tree_contenders.Products` does them.
    """
    trees = [tree_of(sentence) for sentence in corpus.sentences]
    nodes = sum(map(len, trees))
    inner = sum(sum(map(bool, tree.children)) for tree in trees)
    children = nodes - len(trees)
    needed = hidden * (
        3 * input_dim * nodes + input_dim * inner + 3 * hidden * inner + hidden * children
    )
    if (
        name == "bidirectional_tree_lstm"
    ):  # words, states of the way up, the parent's state: 4 gates
        needed += 4 * hidden * (input_dim * nodes + hidden * nodes + hidden * inner)
    return needed / nodes
