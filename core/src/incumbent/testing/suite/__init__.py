"""The tests of the conformance suite, by theme. Each cites the promise (P) or the contract's rule that it checks."""
