from structnn.structure import Sentence, StructureError, Tree
