"""Asks a child for its health, by the standard gRPC health service."""

import time

import grpc
from grpc_health.v1 import health_pb2

from cli.child_process import ChildProcess
from cli.errors import ChildDiedError, PlatformError

_CHANNEL_OPTIONS = (
    # The loopback is not reached by way of the company's proxy.
    ("grpc.enable_http_proxy", 0),
    # While the child starts nobody listens; by default the second attempt would come a second after the first.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
)

# How late the death of a child that never listened is noticed.
_ASK_SECONDS = 0.25

# Between two answers of NOT_SERVING.
_PAUSE_SECONDS = 0.05


def await_serving(process: ChildProcess, address: str, timeout: float) -> None:
    """Returns when the server says SERVING for the service name "".

    Raises:
        ChildDiedError: The process ended first.
        PlatformError: It did not within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    with grpc.insecure_channel(address, options=_CHANNEL_OPTIONS) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        while process.wait(_PAUSE_SECONDS) is None:
            try:
                answer = check(health_pb2.HealthCheckRequest(), timeout=_ASK_SECONDS, wait_for_ready=True)
            except grpc.RpcError:
                pass
            else:
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            if time.monotonic() > deadline:
                raise PlatformError(f"{process.name} is not healthy after {timeout:.0f} s. {process.last_lines()}")
    raise ChildDiedError(
        f"{process.name} died before it was healthy ({process.describe_end()}). {process.last_lines()}"
    )
