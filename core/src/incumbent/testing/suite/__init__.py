"""The tests of the conformance suite, by theme. Each cites the promise (P) or the rule of the contract that it checks."""
