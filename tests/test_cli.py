"""The command line: flags, flagfiles, one-line errors, and help that loads nothing heavy."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags
from hypothesis import given
from hypothesis import strategies as st

from zoo import cli
from zoo.core.decay import DECAYS, make_span
from zoo.recipe import Recipe
from zoo.recipe.checks import PRECISIONS, XLA_MODES
from zoo.spec import bind, parse_call

ROOT = Path(__file__).parents[1]
RECIPES = sorted(
    path.stem for path in (ROOT / "recipes").glob("*.py") if path.stem != "__init__"
)
FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
BASE = Recipe(model="lenet5", channels=1, mean=(33.3,), std=(78.6,), image_size=28)


def parse(*arguments: str, recipe: Recipe = BASE) -> Recipe:
    return cli.parse(recipe, ["program", *arguments])


def run(*arguments: str, folder: Path, path: Path | None = None, **environment: str):
    """Runs Python in `folder`, with `path` before the repository on its path."""
    paths = [str(part) for part in (path, ROOT) if part]
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
    )


# Another value for each field, as text and as value: a flag that were missing or that did not
# reach its field shows.
CHANGES = {
    "name": ("other", "other"), "model": ("lenet", "lenet"),
    "model_options": ("dropout=0.5", "dropout=0.5"), "data": ("idx:a b", "idx:a b"),
    "data_dir": ("x=y", "x=y"), "image_size": ("32", 32), "channels": ("3", 3),
    "crop_area": ("0.5,1", (0.5, 1.0)), "crop_ratio": ("0.5,2", (0.5, 2.0)),
    "scale_jitter": ("256,480", (256.0, 480.0)), "train_resizing": ("bicubic", "bicubic"),
    "eval_resizing": ("bicubic", "bicubic"), "on_bad_image": ("skip", "skip"),
    "orientation": ("ignored", "ignored"),
    "data_service": ("grpc://a.b:5050", "grpc://a.b:5050"),
    "eval_resize": ("300", 300), "mean": ("1.5", (1.5,)), "std": ("2e1", (20.0,)),
    "cache_mb": ("0", 0), "augment": ("flip|mixup(0.2)", "flip|mixup(0.2)"),
    "final_augment": ("", ""), "final_epochs": ("2", 2.0),
    "batch_size": ("64", 64), "epochs": ("3", 3), "learning_rate": ("1e-3", 1e-3),
    "base_batch_size": ("32", 32), "schedule": ("step(1, 2)", "step(1, 2)"),
    "warmup_epochs": ("2", 2.0), "weight_decay": ("0.0005", 0.0005),
    "optimizer": ("adam(beta_1=0.8)", "adam(beta_1=0.8)"), "decoupled_decay": ("true", True),
    "group_decay": ("norm=0,bias=2e-5", "norm=0,bias=2e-5"),
    "l1_penalty": ("1e-5", 1e-5), "clip_norm": ("2", 2.0), "clip_value": ("0.5", 0.5),
    "micro_batches": ("4", 4), "averaging": ("ema(0.99)", "ema(0.99)"), "patience": ("3", 3),
    "keep": ("best", "best"),
    "class_weights": ("balanced", "balanced"), "aux_weight": ("0.3", 0.3),
    "train_images": ("100", 100), "aug_repeats": ("3", 3), "data_on_device": ("true", True),
    "train_sizes": ("20,28", (20.0, 28.0)), "teacher": ("mnist", "mnist"),
    "teacher_model": ("lenet", "lenet"), "temperature": ("4", 4.0),
    "distillation": ("dist", "dist"), "hard_weight": ("0", 0.0),
    "bias_decay": ("true", True), "loss": ("focal", "focal"),
    "label_smoothing": ("0.1", 0.1), "head_bias": ("prior", "prior"),
    "seed": ("17", 17),
    "precision": (PRECISIONS[1], PRECISIONS[1]), "xla": (XLA_MODES[1], XLA_MODES[1]),
    "trust": ("mine,yours", "mine,yours"),
    "virtual_devices": ("2", 2), "steps_per_call": ("5", 5), "host_threads": ("1", 1),
    "host_ops": ("tensorflow", "tensorflow"),
    "deterministic": ("true", True), "run_dir": ("runs/it's", "runs/it's"),
    "weights": ("mnist", "mnist"), "frozen_epochs": ("1.5", 1.5), "trainable": ("head", "head"),
    "freeze_bn": ("true", True),
    "unfrozen_rate": ("0.5", 0.5), "stage_decay": ("0.9", 0.9),
    "evaluate_every": ("2", 2), "checkpoint_every": ("3", 3), "keep_checkpoints": ("4", 4),
    "data_changed": ("accept", "accept"),
    "export": ("false", False), "sync_bn": ("true", True), "recompute": ("true", True),
    "profile_steps": ("5,9", (5.0, 9.0)), "noise_scale": ("true", True),
}

# What a field's change needs to have an effect.
NEEDS = {
    "channels": ("--mean=1,2,3", "--std=1,2,3"),
    "data_on_device": ("--crop_area=1,1",),
    "frozen_epochs": ("--weights=mnist",),
    "final_augment": ("--final_epochs=2",),
    "trainable": ("--weights=mnist",),
    "freeze_bn": ("--weights=mnist",),
    "teacher": ("--teacher_model=lenet",), "teacher_model": ("--teacher=mnist",),
    "distillation": ("--teacher=mnist", "--teacher_model=lenet"),
    "temperature": ("--teacher=mnist", "--teacher_model=lenet"),
    "hard_weight": ("--teacher=mnist", "--teacher_model=lenet"),
    "unfrozen_rate": ("--weights=mnist", "--frozen_epochs=1"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_one_flag_a_field(name):
    text, value = CHANGES[name]
    extra = NEEDS.get(name, ())
    changes = parse(f"--{name}={text}", *extra).difference(BASE)
    assert changes.pop(name) == (value, getattr(BASE, name))
    assert set(changes) == {flag.split("=")[0].removeprefix("--") for flag in extra}


def test_flags_may_be_written_in_two_words_and_switches_with_no():
    assert parse("--epochs", "3", "--noexport", "--bias_decay").difference(BASE) == {
        "epochs": (3, 120), "export": (False, True), "bias_decay": (True, False)
    }


def test_without_flags_the_recipe_is_unchanged():
    exact = Recipe(learning_rate=0.1 + 0.2, crop_ratio=(3 / 4, 4 / 3), mean=(1 / 3, 2, 3))
    assert parse(recipe=exact) == exact


@given(st.floats(1e-300, 1e300), st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3))
def test_numbers_arrive_exactly(rate, mean):
    recipe = parse(
        f"--learning_rate={rate!r}", f"--mean={','.join(map(repr, mean))}", recipe=Recipe()
    )
    assert recipe.learning_rate == rate and recipe.mean == tuple(mean)


def test_a_flag_that_is_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    values = flags.FlagValues()
    flags.DEFINE(cli.PATH, "out", None, "", flag_values=values)
    flags.DEFINE(cli.OPTIONAL_PATH, "plot", "", "", flag_values=values)
    values(["program", "--out=~/a [1]", "--plot="])
    assert values.out == "/home/me/a [1]" and values.plot == ""
    for wrong in ("--out=", "--out=gs://a/b", "--plot=caf\udce9"):
        with pytest.raises(flags.Error, match=wrong[2:5]):
            values(["program", wrong])


def test_help_lists_each_flag_with_its_value_and_text():
    lines = cli.help_text(BASE, "A title.\n").splitlines()
    assert lines[0] == "A title."
    for field in FIELDS.values():
        (place,) = [
            number for number, line in enumerate(lines)
            if line.strip().startswith(f"--{field.name}=")
        ]
        words = " ".join(line.strip() for line in lines[place + 1:place + 5])
        assert words.startswith(field.metadata["help"]), field.name
    assert "  --model=lenet5" in lines and "  --run_dir=''" in lines
    assert "  --mean=33.3" in lines and "  --crop_area=0.08,1" in lines
    assert any("--flagfile=" in line for line in lines)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory with four flagfiles: flagfiles name each other relative to it."""
    (tmp_path / "inner.flags").write_text(
        "# what both share\n\n--epochs=30\n  --weight_decay=0.5  \n// also a comment\n--seed=1\n"
    )
    (tmp_path / "outer.flags").write_text(
        "--seed=2\n--flagfile=inner.flags\n# the later wins\n--epochs=40\n"
    )
    (tmp_path / "one.flags").write_text("--epochs=50\n--flagfile=two.flags\n")
    (tmp_path / "two.flags").write_text("--seed=5\n--flagfile=one.flags\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments, epochs, seed", [
    (["--flagfile=inner.flags"], 30, 1),
    (["--flagfile", "inner.flags"], 30, 1),
    (["--flagfile=outer.flags"], 40, 1),
    (["--flagfile=outer.flags", "--epochs=5"], 5, 1),
    (["--epochs=5", "--flagfile=outer.flags"], 40, 1),
    (["--flagfile=outer.flags", "--flagfile=inner.flags"], 30, 1),
    (["--flagfile=inner.flags", "--seed=9", "--flagfile=outer.flags"], 40, 1),
    (["--flagfile=outer.flags", "--seed=9"], 40, 9),
])
def test_flagfiles_nest_and_the_later_wins(folder, arguments, epochs, seed):
    recipe = parse(*arguments)
    assert (recipe.epochs, recipe.seed, recipe.weight_decay) == (epochs, seed, 0.5)


def test_a_circle_of_flagfiles_ends(folder):
    code = (
        "from zoo import cli, recipe\n"
        "r = cli.parse(recipe.Recipe(), ['program', '--flagfile=one.flags'])\n"
        "print(r.epochs, r.seed)"
    )
    result = run("-c", code, folder=folder)
    assert result.stdout.split() == ["50", "5"], result.stderr


@pytest.mark.parametrize("argument, part", [
    ("--lerning_rate=1", "Unknown command line flag 'lerning_rate'. Did you mean: learning_rate"),
    ("--zzz", "Unknown command line flag 'zzz'"),
    ("--epochs=many", "--epochs=many"),
    ("--epochs=1.5", "--epochs=1.5"),
    ("--epochs", "--epochs"),
    ("--learning_rate=", "--learning_rate="),
    ("--export=maybe", "--export=maybe"),
    ("--flagfile=nowhere.flags", "nowhere.flags"),
    ("--flagfile=.", "--flagfile: got '.', which is no file"),
    ("--flagfile", "--flagfile"),
    ("epochs=3", "got 'epochs=3', which is no flag; expected --name=value"),
    ("--epochs=0", "--epochs: got 0; expected 1 or more"),
    ("--mean=1,2", "--mean: got (1.0, 2.0); expected as many numbers as channels=1"),
    ("--mean=", "--mean: got (); expected as many numbers as channels=1"),
    ("--mean=dark", "--mean: got 'dark'; expected numbers joined by commas"),
    ("--crop_area=0.5;1", "--crop_area: got '0.5;1'; expected numbers joined by commas"),
    ("--model=resnet51", "--model: unknown model 'resnet51'; did you mean 'resnet50'"),
    ("--schedule=step(30", "--schedule: cannot read 'step(30'"),
])
def test_wrong_arguments(argument, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main(BASE, argv=["program", argument])
    out, error = capsys.readouterr()
    assert stopped.value.code == 2 and out == ""
    assert error.startswith("error: ") and error.endswith("\n") and error.count("\n") == 1
    assert part in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [
    ["--lerning_rate=1"],
    ["--epochs=0"],
    ["--flagfile=nowhere.flags"],
    ["--augment=flip(1or 2)"],
    ["--data=idx:nowhere"],  # found out only with TensorFlow at hand, so it takes seconds
])
def test_a_wrong_command_ends_with_code_2_one_line_and_no_files(arguments, tmp_path):
    result = run("-m", "recipes.lenet5", *arguments, "--run_dir=new", folder=tmp_path)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert not list(tmp_path.iterdir())


HEAVY = {"tensorflow", "keras", "numpy", "matplotlib", "tensorflow_datasets", "sklearn", "mlxtend"}


@pytest.mark.parametrize("name", RECIPES)
def test_help_loads_nothing_heavy(name, tmp_path):
    result = run("-X", "importtime", "-m", f"recipes.{name}", "--help", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    imported = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert "zoo.recipe" in imported  # so the listing is read rightly
    assert not {module.split(".")[0] for module in imported} & HEAVY
    assert f"python -m recipes.{name}" in result.stdout
    for field in FIELDS:
        assert f"--{field}=" in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flag", ["--help", "-h", "-help", "--helpfull"])
def test_help_ends_well_beside_any_other_argument(flag, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(BASE, "A title.", ["program", "--epochs=0", flag])
    assert stopped.value.code == 0
    out, error = capsys.readouterr()
    assert out.startswith("A title.\n") and error == ""


def test_describe_tells_what_differs():
    recipe = dataclasses.replace(
        BASE, epochs=3, mean=(1.5,), batch_size=28, learning_rate=0.05, augment="", export=False
    )
    assert cli.describe(recipe, BASE).splitlines() == [
        "run: lenet5 on mnist5k, 3 epochs, batches of 28, peak learning rate 0.005469 = 0.05 x 28 "
        "/ 256",
        "  mean = 1.5   (recipe: 33.3)",
        "  augment =    (recipe: flip)",
        "  batch_size = 28   (recipe: 256)",
        "  epochs = 3   (recipe: 120)",
        "  learning_rate = 0.05   (recipe: 0.1)",
        "  export = False   (recipe: True)",
    ]
    assert len(cli.describe(BASE, BASE).splitlines()) == 1


@given(st.floats(1e-300, 1e300), st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3))
def test_what_is_printed_and_typed_again_is_the_same(rate, mean):
    recipe = Recipe(learning_rate=rate, mean=tuple(mean), crop_ratio=(3 / 4, 4 / 3))
    lines = cli.describe(recipe, Recipe()).splitlines()[1:]
    printed = dict(line.strip().split("   ")[0].split(" = ") for line in lines)
    typed = [f"--{name}={value}" for name, value in printed.items()]
    assert parse(*typed, recipe=Recipe()) == recipe


@pytest.mark.parametrize("name, asked, wanted", [
    ("resnet18", {"epochs": "6"}, {"schedule": "step(1.5, 3, 4.5, factor=0.1)"}),
    ("resnet18", {"epochs": "240"}, {"schedule": "step(60, 120, 180, factor=0.1)"}),
    ("resnet18", {"epochs": "6", "schedule": "step(2)"}, {}),
    ("resnet50d", {"epochs": "10"}, {"warmup_epochs": 1.0}),
    ("resnet50d", {"epochs": "400"}, {}),  # a warmup does not grow
    ("resnet50d", {"epochs": "10", "warmup_epochs": "5"}, {}),
    ("finetune", {"epochs": "3"}, {"frozen_epochs": 1.2, "warmup_epochs": 0.3}),
    ("mobilenet_v2_100", {"epochs": "30"}, {"schedule": "exponential(0.81707)"}),
    ("vgg16", {"epochs": "3"}, {}),  # a plateau is where evaluations get no better
    ("lenet5", {"batch_size": "64"}, {}),
])
def test_what_is_counted_in_epochs_follows_their_number(name, asked, wanted):
    base = cli.find_recipe(name)
    recipe = parse(*(f"--{flag}={value}" for flag, value in asked.items()), recipe=base)
    fields = {field: value for field, (value, _) in recipe.difference(base).items()}
    assert {field: fields[field] for field in fields.keys() - asked.keys()} == wanted


@pytest.mark.parametrize("spec, scaled", [
    ("cosine_restarts(10, multiply=2)", "cosine_restarts(5, 2)"),
    ("cosine_restarts(multiply=2, first=3)", "cosine_restarts(1.5, 2)"),
    ("cyclic(period=4)", "cyclic(2)"), ("exponential(0.81)", "exponential(0.6561)"),
    ("step(30, 60.5)", "step(15, 30.25)"), ("cosine", "cosine"), ("plateau(0.1)", "plateau(0.1)"),
])
def test_every_schedule_keeps_its_shape(spec, scaled):
    base = dataclasses.replace(BASE, schedule=spec)
    recipe = parse("--epochs=60", recipe=base)
    long, short = (
        make_span(steps_per_epoch=10, epochs=each.epochs) for each in (base, recipe)
    )
    decays = [bind(parse_call(each.schedule), DECAYS, "schedule") for each in (base, recipe)]
    for at in range(0, 1200, 60):
        there, here = decays[0](long), decays[1](short)
        assert float(here(at // 2)) == pytest.approx(float(there(at)), rel=1e-4, abs=1e-6)
    assert recipe.schedule == scaled


def test_an_average_starts_at_its_share_of_the_run():
    base = dataclasses.replace(BASE, averaging="swa(start=90, every=2)")
    assert parse("--epochs=12", recipe=base).averaging == "swa(9, 0.2)"
    assert parse("--epochs=12", recipe=dataclasses.replace(BASE, averaging="ema(0.9)")) == (
        dataclasses.replace(BASE, averaging="ema(0.9)", epochs=12))


def test_a_command_for_another_process_says_what_would_follow():
    """There the schedule would be fitted again."""
    base = cli.find_recipe("resnet18")
    recipe = parse("--epochs=240", f"--schedule={base.schedule}", recipe=base)
    assert recipe.schedule == base.schedule
    words = cli.recipe_command("resnet18", recipe)
    assert parse(*words[3:], recipe=base) == recipe


def test_what_cannot_be_names_a_value_that_can():
    for arguments, part in (
        (["--epochs=6", "--schedule=step(30, 60)"], "within the run's 6, such as step(2, 4)"),
        (["--epochs=3", "--warmup_epochs=5"], "less than epochs=3, such as 0.3"),
        (["--epochs=5", "--weights=mnist", "--frozen_epochs=5"], "such as 2"),
    ):
        with pytest.raises(ValueError, match=re.escape(part)):
            parse(*arguments)


AWKWARD = ["--data=folder:/a b/c", "--augment=flip|mixup(0.2)", "--name=it's", "--x=$HOME;`ls`\n"]


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=20)))
def test_command_line_is_quoted(arguments):
    words = shlex.split(cli.command_line(["program", *arguments]))
    assert words[0] == sys.executable
    assert words[len(words) - len(arguments):] == arguments


def test_command_line_is_shown_as_it_was_typed(tmp_path):
    code = "import sys\nfrom zoo.cli import command_line\nprint(command_line(sys.argv), end='')\n"
    (tmp_path / "show.py").write_text(code)
    as_module = run("-m", "show", *AWKWARD, folder=tmp_path, path=tmp_path)
    assert shlex.split(as_module.stdout)[1:] == ["-m", "show", *AWKWARD], as_module.stderr
    as_file = run("show.py", *AWKWARD, folder=tmp_path)
    assert shlex.split(as_file.stdout)[1:] == ["show.py", *AWKWARD], as_file.stderr


@pytest.mark.parametrize("error", [
    ValueError("first\n  second"), FileNotFoundError("first\nsecond"),
    flags.Error("FATAL Flags parsing error: first second"),
])
def test_errors_about_the_input_are_one_line(error, capsys, monkeypatch):
    monkeypatch.delenv("ZOO_DEBUG", raising=False)
    with pytest.raises(SystemExit) as stopped, cli.one_line_errors():
        raise error
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: first second\n"


def test_errors_of_the_program_and_debugging_keep_their_traceback(monkeypatch):
    monkeypatch.delenv("ZOO_DEBUG", raising=False)
    with pytest.raises(RuntimeError), cli.one_line_errors():
        raise RuntimeError("a bug")
    monkeypatch.setenv("ZOO_DEBUG", "1")
    with pytest.raises(ValueError), cli.one_line_errors():
        raise ValueError("got x")


IMPORT = "from zoo import cli\ncli.import_tensorflow()\nimport os\nos.write(2, b'after')"


@pytest.mark.parametrize("last, debug, shown, hidden", [
    ("pass", "0", ["after"], ["note"]),
    ("raise ImportError('no such thing')", "0", ["note", "no such thing"], ["after"]),
])
def test_notes_of_the_import_are_shown_only_where_it_fails(
    last, debug, shown, hidden, tmp_path
):
    # A module of this name that writes to the descriptor below Python, as the real one does.
    lists = "config = type('', (), {'list_physical_devices': staticmethod(lambda: [])})"
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, b'note ')\n{lists}\n{last}")
    result = run("-c", IMPORT, folder=tmp_path, path=tmp_path, ZOO_DEBUG=debug)
    assert all(part in result.stderr for part in shown), result.stderr
    assert not any(part in result.stderr for part in hidden), result.stderr
