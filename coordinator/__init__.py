"""Ray actor and tasks, gRPC services, jobs, scheduler, store, builders, CLI, client."""
