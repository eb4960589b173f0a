"""One module per step of the pipeline, each with one handler."""
