"""Prepares a data set for training: TFRecord shards and metadata of TensorFlow Datasets.

    python -m tools.prepare_data --imagenet=/downloads --out=/data/tfds
    python -m tools.prepare_data --folder=/data/flowers --name=flowers --out=/data/tfds
    python -m recipes.resnet50d --data=tfds:flowers --data_dir=/data/tfds

--imagenet is a folder with the two official archives, which are read in place:

    ILSVRC2012_img_train.tar  147,897,477,120 bytes  MD5 1d675b47d978889d74fa0da5fadfb00e
    ILSVRC2012_img_val.tar      6,744,924,160 bytes  MD5 29b22e2961454d5413ddabcf34fc5622

--folder has train/CLASS/*.jpg, validation/CLASS/*.jpg and perhaps test/CLASS/*.jpg. Image files are
stored byte for byte. Files are checked before, the records counted after. The same command goes on
where a stopped or killed one was. With --beam_runner the shards are written by the machines of a
cluster, which need this package and the folders under the same paths: pip install apache-beam
"""

from absl import flags

from zoo.cli import OPTIONAL_PATH, PATH, import_tensorflow, run_tool

IMAGENET = flags.DEFINE(OPTIONAL_PATH, "imagenet", "", "folder with the two archives of ImageNet")
FOLDER = flags.DEFINE(OPTIONAL_PATH, "folder", "", "image folder to prepare instead")
OUT = flags.DEFINE(
    PATH, "out", None, "folder of prepared sets, which a recipe takes as --data_dir", required=True
)
NAME = flags.DEFINE_string(
    "name", "", "name of the set, of lower-case letters, digits and _; --imagenet: imagenet2012"
)
VERSION = flags.DEFINE_string(
    "version", "", "version of the set; empty: 1.0.0 (imagenet2012: 5.1.0)"
)
SEED = flags.DEFINE_integer("seed", 0, "seed of the order of the images")
SHARD_MB = flags.DEFINE_integer("shard_mb", 128, "size of a shard on average, MiB", lower_bound=1)
CHECK_IMAGES = flags.DEFINE_boolean(
    "check_images", True,
    "decode every image, which takes about 5 ms each; off: only look at its first bytes",
)
THREADS = flags.DEFINE_integer("threads", 0, "threads that write shards; 0: one a core",
                               lower_bound=0)
BEAM_RUNNER = flags.DEFINE_string(
    "beam_runner", "", "runner of Apache Beam, such as FlinkRunner, SparkRunner or DirectRunner"
)
BEAM_OPTIONS = flags.DEFINE_list(
    "beam_options", [], "options of the runner, such as flink_master=host:8081,parallelism=64"
)


def main() -> None:
    _check_flags()
    run = in_beam(BEAM_RUNNER.value, BEAM_OPTIONS.value) if BEAM_RUNNER.value else None
    from zoo.data.record_sets import IMAGENET as IMAGENET_NAME
    from zoo.data.record_sets import in_threads, prepare
    from zoo.data.record_sets.imagenet_tars import find_members, published
    from zoo.data.record_sets.inputs import find_images

    if IMAGENET.value:
        inputs = find_members(IMAGENET.value, published())
    else:
        inputs = find_images(FOLDER.value)
    import_tensorflow()
    name = IMAGENET_NAME if IMAGENET.value else NAME.value
    path = prepare(
        inputs, root=OUT.value, name=name, version=VERSION.value, seed=SEED.value,
        shard_mb=SHARD_MB.value, check_images=CHECK_IMAGES.value,
        run=run or in_threads(THREADS.value),
    )
    told = ", ".join(f"{split} {count:,}" for split, count in inputs.counts.items())
    print(f"{path}: {told} images of {len(inputs.class_names)} classes")
    print(f"use it with --data=tfds:{name} --data_dir={OUT.value}")


def _check_flags() -> None:
    if bool(IMAGENET.value) == bool(FOLDER.value):
        raise ValueError("got both or none of --imagenet and --folder; expected one")
    if IMAGENET.value and NAME.value:
        raise ValueError(f"--name has no effect with --imagenet, got {NAME.value!r}; "
                         "the set is called imagenet2012")
    if FOLDER.value and not NAME.value:
        raise ValueError("--folder needs a --name for the set, as flowers")
    if BEAM_RUNNER.value and THREADS.present:
        raise ValueError("--threads has no effect with --beam_runner; give it in --beam_options")
    if BEAM_OPTIONS.value and not BEAM_RUNNER.value:
        raise ValueError("--beam_options has no effect without --beam_runner")


def in_beam(runner: str, options: list[str]):
    """Returns a function that does jobs as a pipeline of Apache Beam.

    Raises:
      ValueError: Beam is not installed, or has no such runner.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.runner import create_runner
    except ImportError as error:
        raise ValueError(f"--beam_runner needs the package apache-beam ({error}); install it "
                         "with: pip install apache-beam") from error
    from zoo.data.record_sets.shard_job import write_shard

    try:
        create_runner(runner)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"--beam_runner: got {runner!r}: {error}") from error

    def run(jobs) -> None:
        # Beam pickles what runs elsewhere: plain tuples, and a function of an installed module.
        chosen = PipelineOptions([f"--{option}" for option in options])
        with apache_beam.Pipeline(runner, options=chosen) as pipeline:
            created = pipeline | apache_beam.Create(list(jobs)) | apache_beam.Reshuffle()
            created | apache_beam.Map(write_shard)

    return run


if __name__ == "__main__":
    run_tool(main, __doc__)
