"""The line to the coordinator: calls, blobs, lease, join, certificates, outbox."""
