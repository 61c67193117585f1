"""Images and labels: sources, decoding on the host, batches.

    source = open_source("folder:/data/flowers")
    batches = train_batches(
        source.splits["train"], image_size=224, channels=3, batch_size=64, seed=0)

Sources say where examples are (`source_spec.py` lists them), splits give the example at an index,
`training.py` and `evaluation.py` turn indices into uint8 batches. Every split is random access, so
the order is a function of (seed, epoch), a crop of (seed, epoch, example), and starting at step
100,000 costs what starting at step 0 costs. Augmentation and normalisation are not done here: they
run on the device.

Importing this package loads neither TensorFlow nor NumPy.
"""

from zoo.data.bad_images import find_bad_images
from zoo.data.center_crop import resize_and_center_crop
from zoo.data.contents import contents_of
from zoo.data.crop import crop_and_resize
from zoo.data.decode import decode_image
from zoo.data.evaluation import eval_batches
from zoo.data.on_device import index_batches, make_pick
from zoo.data.opening import open_source
from zoo.data.order import steps_per_epoch
from zoo.data.records import RecordSplit
from zoo.data.source_spec import check_spec
from zoo.data.splits import ArraySplit, FileSplit, RaggedSplit, Source, Split
from zoo.data.statistics import channel_statistics
from zoo.data.training import check_service, train_batches

__all__ = [
    "ArraySplit",
    "FileSplit",
    "RaggedSplit",
    "RecordSplit",
    "Source",
    "Split",
    "channel_statistics",
    "check_service",
    "check_spec",
    "contents_of",
    "crop_and_resize",
    "decode_image",
    "eval_batches",
    "find_bad_images",
    "index_batches",
    "make_pick",
    "open_source",
    "resize_and_center_crop",
    "steps_per_epoch",
    "train_batches",
]
