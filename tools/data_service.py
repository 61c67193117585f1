"""A tf.data service: machines without accelerators read and decode images for those that train.

    python -m tools.data_service --port=5050                              the dispatcher
    python -m tools.data_service --port=5051 --dispatcher=HOST:5050       a worker a machine
    python -m recipes.resnet50d --data_service=grpc://HOST:5050 ...       the training

Workers read the same files, at the same paths, as the training would. Where one of them cannot
have the native host operations it says so, and the training then needs --host_ops=tensorflow. The
service has no passwords: keep its ports within a network that you trust. Ends with Ctrl-C or
SIGTERM.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading

from absl import flags

from zoo.cli import import_tensorflow, run_tool

_PORT = flags.DEFINE_integer(
    "port", None, "port to listen on; 0 takes a free one", required=True, lower_bound=0,
    upper_bound=65535,
)
_DISPATCHER = flags.DEFINE_string(
    "dispatcher", "", "HOST:PORT of the dispatcher that a worker works for; empty: be one"
)
_HOST = flags.DEFINE_string(
    "host", "", "name or address under which others reach a worker; empty: this machine's name"
)


def main() -> None:
    if _HOST.value and not _DISPATCHER.value:
        raise ValueError("--host has no effect without --dispatcher, which a worker has")
    import_tensorflow()
    from tensorflow.data.experimental import service

    from zoo.data.host_ops import choose, load_ops

    _, why_not_native = choose("auto")
    if why_not_native:
        print(f"{why_not_native}; the training needs --host_ops=tensorflow too", file=sys.stderr)
    load_ops("auto")  # the graphs that come from the training name them
    if _DISPATCHER.value:
        port = _PORT.value or _free_port()
        address = f"{_HOST.value or socket.gethostname()}:{port}"
        server = service.WorkerServer(service.WorkerConfig(
            dispatcher_address=_DISPATCHER.value, worker_address=address, port=port
        ))
        print(f"worker {address} for {_DISPATCHER.value}", flush=True)
    else:
        server = service.DispatchServer(service.DispatcherConfig(port=_PORT.value))
        print(f"dispatcher {server.target}", flush=True)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


def _free_port() -> int:
    # A worker has to know its port before it starts, since it tells the dispatcher.
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    run_tool(main, __doc__)
