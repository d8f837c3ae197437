"""What integer and half-precision kernels do: exact results, emulator, ledger."""
