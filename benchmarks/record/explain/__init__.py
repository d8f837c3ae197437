"""Why a run is slow or wrong."""
