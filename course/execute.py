"""Run the notebooks of the course and save their outputs in them: ``make course``.

The Chinese notebooks have the code of the English ones, so they are given the same outputs.

    python course/execute.py                 # all
    python course/execute.py 02 05           # those whose names begin so
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

COURSE = Path(__file__).parent


def execute(file: Path) -> nbformat.NotebookNode:
    """Run a notebook and save it; without what differs from run to run, such as times."""
    notebook = nbformat.read(file, as_version=4)
    resources = {"metadata": {"path": str(COURSE)}}
    client = NotebookClient(notebook, resources=resources, record_timing=False)
    client.coalesce_streams = True
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
    metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    notebook.metadata = nbformat.from_dict(metadata)
    nbformat.write(notebook, file)
    return notebook


def copy_outputs(notebook: nbformat.NotebookNode, file: Path) -> None:
    """Give a translation the code and the outputs of the notebook that was run."""
    translation = nbformat.read(file, as_version=4)
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for cell in translation.cells:
        if cell.cell_type == "code":
            done = next(code)
            cell.source, cell.outputs = done.source, done.outputs
            cell.execution_count = done.execution_count
    nbformat.write(translation, file)


def main(wanted: list[str]) -> None:
    """Run the notebooks whose names begin with one of these, or all."""
    for file in sorted(COURSE.glob("*.ipynb")):
        if not wanted or file.name.startswith(tuple(wanted)):
            begin = time.perf_counter()
            copy_outputs(execute(file), COURSE / "zh" / file.name)
            print(f"{file.name}: {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
