"""What `eitherway doctor` looks at: one module for each, loaded when its turn comes."""
