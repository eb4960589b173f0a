"""The policies of the functions' roles, from the rows of the pipeline."""
