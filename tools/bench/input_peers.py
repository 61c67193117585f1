"""Other libraries' input pipelines, for tools/bench/input.py.

    PEERS_ENVIRONMENT/bin/python tools/bench/input_peers.py FOLDER WORKERS

Runs in an environment of its own (torch torchvision pillow simplejpeg) and imports nothing of the
zoo. FOLDER holds one folder of JPEG files a class. Each line on standard input, "NAME IMAGES", is
answered by how many images a second NAME made of that number of them.
"""

import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import simplejpeg
import torch
from torchvision import datasets, transforms

SIZE, BATCH = 224, 64


def main(folder: str, workers: int) -> None:
    files = [path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*.jpg"))]
    crop = transforms.Compose([transforms.RandomResizedCrop(SIZE), transforms.PILToTensor()])
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(folder, crop), BATCH, shuffle=True, num_workers=workers,
        persistent_workers=True, drop_last=True,
    )
    pool = ThreadPoolExecutor(workers)

    def dataloader(images: int) -> int:
        done = 0
        while done < images:
            for batch, _ in loader:
                done += len(batch)
        return done

    def libjpeg_turbo(images: int) -> int:
        decode = pool.map(lambda i: simplejpeg.decode_jpeg(files[i % len(files)]), range(images))
        return sum(1 for _ in decode)

    peers = {"dataloader": dataloader, "libjpeg_turbo": libjpeg_turbo}
    for line in sys.stdin:
        name, images = line.split()
        start = time.perf_counter()
        done = peers[name](int(images))
        print(done / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
