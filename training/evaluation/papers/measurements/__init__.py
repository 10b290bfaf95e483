"""One module for each measurement: `measure` takes the evaluation and returns its figures."""
