"""The words: enumerations, errors, metrics, reasons, recipes, profiles."""
