"""The look at a built artifact before a device sees it: one file or folder per artifact kind."""
