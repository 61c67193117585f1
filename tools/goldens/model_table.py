"""Writes docs/models.md, the table of all models: python -m tools.goldens.model_table

Each model is built and counted; weights and accuracies are those of the catalogue.
"""

import re
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool

OUT = flags.DEFINE_string("out", "docs/models.md", "the file to be written")

_HEADER = """# Models

Written by `python -m tools.goldens.model_table`; a test fails when it is out of date.

Parameters are the trainable ones, in millions, with 1000 classes (10 for the networks of digits);
multiply-adds are those of convolutions and dense layers for one image of the input size, in
billions. The input size is that of a model with new weights; public ones bring their own. The
accuracies are the published ones of the best checkpoint of each library, top-1 /
top-5 in percent, in brackets how many checkpoints of it the catalogue has; **bold** is the library
whose checkpoint `weights="imagenet"` (or "mnist") takes, which need not be its best one.
`python -c "from zoo.weights import catalogue; print(*catalogue.entries('*resnet50*'), sep='\\n')"`
lists them with address, hash, licence and preprocessing. A licence in brackets is that of the
library; nothing is told about its weights.

| model | paper | input | parameters | multiply-adds | weights | licence |
| --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    import_tensorflow()
    from tqdm import tqdm

    import zoo.models
    from zoo.files import write_text
    from zoo.models import blocks

    blocks.KERNEL_INITIALIZER = "zeros"  # nobody sees the weights
    names = zoo.models.list_models()
    bar = tqdm(names, unit=" models", disable=None)
    infos = {name: zoo.models.model_info(name) for name in bar}
    write_text(Path(OUT.value), page(infos))
    print(f"{OUT.value}: {len(infos)} models")


def page(infos: dict) -> str:
    """The text of the file; infos: name -> `zoo.models.ModelInfo`, in the order of the rows."""
    of_model = _entries_by_model()
    return _HEADER + "".join(
        f"{_row(info, of_model.get(name, []))}\n" for name, info in infos.items()
    )


def _entries_by_model() -> dict[str, list]:
    from zoo.weights import catalogue
    from zoo.weights.origin import models_of

    found: dict[str, list] = {}
    for entry in catalogue.entries():
        for name in models_of(entry):
            found.setdefault(name, []).append(entry)
    return found


def _row(info, entries: list) -> str:
    side = info.input_shape[0]
    libraries = list(dict.fromkeys(entry.library for entry in entries))
    weights = "; ".join(
        _library([x for x in entries if x.library == library], info.name) for library in libraries
    )
    licences = dict.fromkeys(_short_licence(entry.licence) for entry in entries)
    return (
        f"| `{info.name}` | {_paper(info.paper)} | {side} | "
        f"{info.trainable_parameters / 1e6:.2f} | {info.macs / 1e9:.3f} | {weights or '-'} | "
        f"{', '.join(licences) or '-'} |"
    )


def _library(entries: list, name: str) -> str:
    best = max(entries, key=lambda entry: entry.top_1 or 0)
    accuracy = "" if best.top_1 is None else f" {best.top_1:.2f}"
    accuracy += "" if best.top_5 is None else f" / {best.top_5:.2f}"
    library = best.library
    if any(name in entry.default_of for entry in entries):
        library = f"**{library}**"
    return f"{library}{accuracy} ({len(entries)})"


def _paper(paper: str) -> str:
    """Authors and year, linked."""
    text = re.match(r"(.*?\d{4})?", paper)[0] or "-"
    if match := re.search(r"arXiv:(\d+\.\d+)", paper):
        return f"[{text}](https://arxiv.org/abs/{match[1]})"
    if match := re.search(r"doi:(\S+)", paper):
        return f"[{text}](https://doi.org/{match[1]})"
    return text


def _short_licence(licence: str) -> str:
    name = licence.removesuffix(" (package)")
    return name if name == licence else f"({name})"


if __name__ == "__main__":
    run_tool(main, __doc__)
