"""May this artifact be shipped for this purpose? What a reviewed file asks, held against a run."""
