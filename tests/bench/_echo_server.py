"""A bare grpc.aio server that answers every call with the same bytes: the yardstick of a unary call.

``python -m tests.bench._echo_server HEX`` prints its port and answers `/bare.Echo/Call` until it is terminated.
"""

import asyncio
import sys
from typing import Any

import grpc


async def serve(answer: bytes) -> None:
    """Answers until canceled."""

    async def call(_request: bytes, _context: Any) -> bytes:
        return answer

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(call)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Echo", {"Call": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(bytes.fromhex(sys.argv[1])))
