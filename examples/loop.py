"""An encoder in a loop of one's own: is a string of brackets well formed?

python examples/loop.py
"""

import torch
from torch.utils.data import DataLoader

from structnn import Corpus, SentenceClassifier, Vocabulary, WordEmbedding, build_encoder
from tasks.data.suites.dyck import generate


def main(train: int = 1000, epochs: int = 8, width: int = 32) -> float:
    """Train a Tree-LSTM on gold trees, and say how many test strings it gets right."""
    torch.manual_seed(0)
    data = generate(train=train, dev=60, test=300)
    vocabulary = Vocabulary.from_tokens(example.text for example in data.train)
    sets = {}
    for split in ("train", "test"):
        examples = getattr(data, split)
        corpus = Corpus([example.sentence for example in examples], vocabulary=vocabulary)
        sets[split] = corpus, [data.labels.index(example.label) for example in examples]

    embedding = WordEmbedding(vocabulary, dim=width)
    encoder = build_encoder("child_sum_tree_lstm", input_dim=width, hidden_dim=width)
    model = SentenceClassifier(embedding, encoder, data.labels)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)

    corpus, labels = sets["train"]
    loader = DataLoader(
        list(zip(corpus, labels, strict=True)),
        batch_size=32,
        shuffle=True,
        collate_fn=corpus.collate_fn,
    )
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for batch, gold in loader:
            loss = model.head.loss(model(batch), gold)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f}")

    corpus, labels = sets["test"]
    model.eval()
    with torch.no_grad():
        right = model(corpus.batch()).argmax(1) == torch.tensor(labels)
    print(f"{100 * right.double().mean():.1f} % of {len(labels)} test strings are right")
    return right.double().mean().item()


if __name__ == "__main__":
    main()
