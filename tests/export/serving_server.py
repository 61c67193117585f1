"""A server of TensorFlow Serving's two protocols that answers by a SavedModel; for clients' tests.

REST: https://www.tensorflow.org/tfx/serving/api_rest, the row format of `predict`.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import http.server
import json
import threading

import grpc
import tensorflow as tf

from zoo.export.serving_messages import PredictRequest, PredictResponse, arrays_of, set_tensors


@contextlib.contextmanager
def serve(version: str, name: str):
    """Serves the SavedModel in the folder `version`; gives the ports of gRPC and REST."""
    loaded = tf.saved_model.load(version)
    pool = concurrent.futures.ThreadPoolExecutor(2)
    rpc = grpc.server(pool)
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.add_generic_rpc_handlers([_grpc_handler(loaded, name)])
    rpc.start()
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _rest_handler(loaded, name))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    try:
        yield port, rest.server_port
    finally:
        rpc.stop(None).wait()
        rest.shutdown()
        rest.server_close()
        pool.shutdown()


def _call(loaded, signature, inputs):
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]
    return function(**{key: tf.constant(x, specs[key].dtype) for key, x in inputs.items()})


def _grpc_handler(loaded, name):
    def predict(request, context):
        assert request.model_spec.name == name
        try:
            answer = _call(loaded, request.model_spec.signature_name, arrays_of(request.inputs))
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = PredictResponse()
        set_tensors(response.outputs, answer)
        return response

    method = grpc.unary_unary_rpc_method_handler(
        predict, PredictRequest.FromString, PredictResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(
        "tensorflow.serving.PredictionService", {"Predict": method}
    )


def _rest_handler(loaded, name):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == f"/v1/models/{name}:predict"
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            inputs = {
                key: [_value(row[key]) for row in asked["instances"]]
                for key in asked["instances"][0]
            }
            try:
                answer = _call(loaded, asked["signature_name"], inputs)
            except tf.errors.InvalidArgumentError as error:
                self._send(400, {"error": error.message})
                return
            rows = {key: value.numpy().tolist() for key, value in answer.items()}
            count = len(asked["instances"])
            self._send(200, {"predictions": [
                {key: _text(values[i]) for key, values in rows.items()} for i in range(count)
            ]})

        def _send(self, status, content):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    return Handler


def _value(value):
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _text(value):
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value
