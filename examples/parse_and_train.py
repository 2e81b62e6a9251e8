"""Parse, then train: is a question about a person or about a place?

python examples/parse_and_train.py
"""

from pathlib import Path

from parsers import CachedParser, StanzaParser, text_tree
from tasks import StructuredClassifier

PEOPLE = "Middlemarch Emma Ulysses Dracula Hamlet Candide".split()
PLACES = "Oslo Rome Lima Cairo Paris Quito".split()


def main(cache: str | Path = "parses.sqlite", epochs: int = 10) -> list[str]:
    """Parse texts once, keep the parses in a file, train on them, and ask about new texts."""
    texts = [f"Who wrote {book}?" for book in PEOPLE] + [f"Where is {place}?" for place in PLACES]
    texts += [f"Tell me who read {book}." for book in PEOPLE]
    texts += [f"How far is {place}?" for place in PLACES]
    labels = (["person"] * 6 + ["place"] * 6) * 2

    parser = CachedParser(StanzaParser("en"), cache)
    sentences = parser.parse(texts)
    print(text_tree(sentences[0]))

    model = StructuredClassifier("child_sum_tree_lstm", structure="given", epochs=epochs)
    model.fit(sentences, labels)
    questions = ["Who found Troy?", "Where is Troy?"]
    answers = [str(label) for label in model.predict(parser.parse(questions))]
    for question, answer in zip(questions, answers, strict=True):
        print(f"{question} {answer}")
    return answers


if __name__ == "__main__":
    main()
