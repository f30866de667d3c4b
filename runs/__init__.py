"""Long runs, each a command: `make runs RUN=name`; `make runs` lists them.

A run is a file here with a docstring, a shard and a call of `helpers.sweeps.run` under
`if __name__ == "__main__":`. It writes a table and its provenance to book/results/. It may be
stopped at any moment and goes on where it was when the command is given again.
"""
