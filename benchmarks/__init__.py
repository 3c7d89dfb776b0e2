"""The project beside a plain version of itself and the bare ceiling, in one run."""
