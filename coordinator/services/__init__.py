"""gRPC services: unpack, call, pack."""
