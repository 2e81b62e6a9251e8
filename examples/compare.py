"""A comparison in one call, with a report: which encoder finds out which letter comes first?

python examples/compare.py first.html
"""

import random
import sys
from pathlib import Path

from tasks import EncoderComparison, compare_encoders


def sentences(pairs: int, seed: int) -> tuple[list[list[str]], list[str]]:
    """Pairs of token lists with the same tokens: ``a`` before ``b``, and ``b`` before ``a``."""
    rng = random.Random(seed)
    texts, labels = [], []
    for _ in range(pairs):
        words = rng.choices("mnopqrst", k=rng.randint(4, 12))
        left, right = sorted(rng.sample(range(len(words)), 2))
        for first, second in ("ab", "ba"):
            words[left], words[right] = first, second
            texts.append(list(words))
            labels.append(first)
    return texts, labels


def main(
    report: str | Path, pairs: int = 300, epochs: int = 8, seeds: int = 3, **options: object
) -> EncoderComparison:
    """Compare three encoders that need no parse, and write the report."""
    result = compare_encoders(
        *sentences(pairs, seed=0),
        ["bag", "cnn", "bilstm"],
        test=sentences(pairs // 3, seed=1),
        structure="left_chain",  # words in their order: nothing is parsed
        seeds=seeds,
        epochs=epochs,
        hidden_dim=32,
        embedding_dim=32,
        **options,
    )
    print(result)
    result.report(report)
    return result


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "report.html")
