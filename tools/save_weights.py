"""Writes the weights of a run into one file.

    python -m tools.save_weights --run_dir=runs/x --out=x.safetensors

zoo.create_model(NAME, weights="x.safetensors") reads it. The file's metadata tell the recipe, the
command, the versions and the accuracies. The weights are those of the run's newest checkpoint.
"""

import json
from pathlib import Path

from absl import flags

from zoo.cli import import_tensorflow, run_tool

RUN_DIR = flags.DEFINE_string("run_dir", None, "folder of a finished run", required=True)
OUT = flags.DEFINE_string("out", None, "the .safetensors file to be written", required=True)


def main() -> None:
    if not OUT.value.endswith(".safetensors"):
        raise ValueError(f"--out: got {OUT.value}; expected a name that ends in .safetensors")
    import_tensorflow()
    from zoo.weights.local import read_values
    from zoo.weights.stored import write_values

    run_dir = Path(RUN_DIR.value)
    summary = run_dir / "summary.json"
    if not summary.exists():
        raise ValueError(f"--run_dir: {run_dir} has no summary.json; expected a finished run")
    recipe = json.loads((run_dir / "recipe.json").read_text())
    launch = json.loads((run_dir / "launches.jsonl").read_text().splitlines()[0])
    values = read_values(run_dir, recipe["model"])
    write_values(Path(OUT.value), values, {
        "recipe": json.dumps(recipe),
        # Which Python it was on that machine is nobody's business.
        "command": f"python {launch['command'].partition(' ')[2]}",
        "git_commit": launch["git_commit"],
        "versions": json.dumps(launch["versions"]),
        "summary": summary.read_text(),
    })
    print(f"{OUT.value}: {sum(value.nbytes for value in values.values()) / 1e6:.2f} MB")


if __name__ == "__main__":
    run_tool(main, __doc__)
