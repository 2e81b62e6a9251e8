"""Short plain sentences with known UD trees: a grammar to train on, and a hundred to evaluate on.

Web text has few sentences such as *Dogs bark.*; what stands alone in it is a title, such as *Dog food*,
more often than a clause. A recipe mixes sentences of this grammar into train (``--plain-sentences``), so
that a parser reads a bare plural before a verb, a question or a relative clause as what it is. The trees
follow the guidelines of UD English, and tags and features those of UD English EWT.
"""

from parsers.training.plain.generate import EVALUATION as EVALUATION
from parsers.training.plain.generate import interleaved as interleaved
from parsers.training.plain.generate import plain_sentences as plain_sentences
